"""What the exchange says of its contracts, as the service stored it: the table `contract`."""

import sqlite3
from typing import NamedTuple

from validation.exchanges import BINANCE, Exchange
from validation.read.tables import columns_of
from validation.rules import Status


class Contract(NamedTuple):
    """What the exchange says of one; Unix seconds."""

    status: str = Status.UNKNOWN
    kind: str = ""
    hours: int | None = None  # between two settlements
    listed_at: float = 0.0  # when trading began; 0: not known
    checked_at: float = 0.0


class Contracts:
    """The contracts of one exchange; `listed` is False for a database that holds none, and
    `checked_at` when the exchange was asked last."""

    def __init__(self, rows: dict[str, Contract], exchange: Exchange = BINANCE) -> None:
        self._exchange = exchange
        self._rows = rows
        self.listed = bool(rows)
        self.checked_at = max((each.checked_at for each in rows.values()), default=0.0)

    def of(self, symbol: str) -> Contract:
        """That of `symbol`; UNKNOWN where the exchange does not list it."""
        return self._rows.get(symbol, _UNKNOWN)

    def status(self, symbol: str) -> str:
        return self.of(symbol).status

    def listed_after(self, at: float) -> dict[str, float]:
        """When trading began, of the contracts whose trading began after `at` (Unix seconds)."""
        return {name: each.listed_at for name, each in self._rows.items() if each.listed_at > at}

    def never_closes(self, symbol: str) -> bool:
        """Whether `symbol` trades day and night: its price moves."""
        found = self.of(symbol)
        trades = found.status == Status.TRADING and found.kind == self._exchange.perpetual
        return trades and not self._exchange.closing.fullmatch(symbol)

    @property
    def trading(self) -> set[str]:
        return {name for name, each in self._rows.items() if each.status == Status.TRADING}


_UNKNOWN = Contract()


def contracts_of(connection: sqlite3.Connection, exchange: Exchange) -> Contracts:
    """The contracts of `exchange`; none in a database of an older version."""
    columns = columns_of(connection, "contract")
    if not columns >= {"symbol", "status", "contract_type", "checked_at"}:
        return Contracts({})
    # A database of an older version lacks the second one.
    hours, listed = (
        name if name in columns else "NULL" for name in ("funding_interval_hours", "listed_time")
    )
    rows = connection.execute(
        f"SELECT symbol, status, contract_type, {hours}, {listed}, checked_at FROM contract"
        " WHERE exchange = ?",
        (exchange.name,),
    )
    return Contracts(
        {
            str(symbol): Contract(
                str(status), str(kind), interval, _number(began) / 1000, _number(checked)
            )
            for symbol, status, kind, interval, began, checked in rows
        },
        exchange,
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
