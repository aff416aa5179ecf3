"""The table `contract`: what an exchange lists."""

from collections.abc import Iterable

import msgspec

from funding.model.contract import Contract, ContractStatus
from funding.store.durable import DurableConnection

_COLUMNS = Contract._fields
_ADD = (
    f"INSERT INTO contract ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    " ON CONFLICT (exchange, symbol) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "exchange")
)


class Contracts:
    """The contracts of exchanges, over `store`."""

    def __init__(self, store: DurableConnection) -> None:
        self._store = store

    def replace(self, exchange: str, contracts: Iterable[Contract]) -> None:
        """Store all `contracts` of `exchange`, and delete those that it does not list any more."""
        listed = list(contracts)
        symbols = msgspec.json.encode([each.symbol for each in listed]).decode()
        with self._store.transaction() as connection:
            connection.executemany(_ADD, listed)
            connection.execute(
                "DELETE FROM contract WHERE exchange = ?1"
                " AND symbol NOT IN (SELECT value COLLATE NOCASE FROM json_each(?2))",
                (exchange, symbols),
            )

    def set_interval(self, exchange: str, symbol: str, hours: int) -> None:
        """Store the interval that settlements have told of a contract."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE contract SET funding_interval_hours = ?3, interval_source = 'settlements'"
                " WHERE exchange = ?1 AND symbol = ?2 AND interval_source IS NOT 'exchange'",
                (exchange, symbol, hours),
            )

    def of(self, exchange: str) -> dict[str, Contract]:
        """All contracts of `exchange` by symbol; none where it was not asked yet."""
        rows = self._store.rows(
            f"SELECT {', '.join(_COLUMNS)} FROM contract WHERE exchange = ?", (exchange,)
        )
        found = (Contract(*row) for row in rows)
        return {each.symbol: each._replace(status=ContractStatus(each.status)) for each in found}
