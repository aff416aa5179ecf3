"""What the exchange says of its contracts, as the service stored it: the table `contract`."""

import sqlite3

from validation.read.tables import columns_of
from validation.rules import Status

PERPETUAL = "PERPETUAL"
"""The type of a contract on a coin: its market never closes."""


class Contracts:
    """The contracts of one exchange; `listed` is False for a database that holds none."""

    def __init__(self, rows: dict[str, tuple[str, str]]) -> None:
        self._rows = rows
        self.listed = bool(rows)

    def status(self, symbol: str) -> str:
        """The status of `symbol`; UNKNOWN where the exchange does not list it."""
        return self._rows.get(symbol, (Status.UNKNOWN, ""))[0]

    def never_closes(self, symbol: str) -> bool:
        """Whether `symbol` trades day and night: its price moves."""
        return self._rows.get(symbol) == (Status.TRADING, PERPETUAL)

    @property
    def trading(self) -> set[str]:
        return {symbol for symbol in self._rows if self.status(symbol) == Status.TRADING}


def contracts_of(connection: sqlite3.Connection, exchange: str) -> Contracts:
    """The contracts of `exchange`; none in a database of an older version."""
    if not columns_of(connection, "contract") >= {"symbol", "status", "contract_type"}:
        return Contracts({})
    rows = connection.execute(
        "SELECT symbol, status, contract_type FROM contract WHERE exchange = ?", (exchange,)
    )
    return Contracts({str(row[0]): (str(row[1]), str(row[2])) for row in rows})
