"""The route of the contracts that exchanges list: what each is, beside its quote."""

from typing import TYPE_CHECKING

import msgspec

from funding.api.parameters import FORMAT
from funding.api.responses import Response, table
from funding.api.router import About, Route
from funding.api.served import Served
from funding.api.tables import Table
from funding.model.contract import Contract
from funding.store import asset_reader

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class ContractRow(msgspec.Struct, rename="camel"):
    """One contract: times are epoch ms, rates are fractions per funding interval."""

    exchange: str
    symbol: str
    status: str
    contract_type: str | None
    base_asset: str
    quote_asset: str
    multiplier: float
    delivery_time: int | None
    funding_interval_hours: int | None
    interval_source: str | None
    rate_cap: float | None
    rate_floor: float | None
    listed_time: int | None


CONTRACTS = About("The contracts that exchanges list.", Table[ContractRow])


class ContractRoutes:
    """The contracts of the `served` exchanges. For one thread."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def routes(self) -> list[Route]:
        """It has a fixed path."""
        return [
            Route(
                "/contracts",
                self.contracts,
                (self._served.many, FORMAT),
                CONTRACTS,
                takes_long=True,
            )
        ]

    def contracts(
        self, environ: "WSGIEnvironment", exchange: str | None = None, form: str = "json"
    ) -> Response:
        """GET /contracts"""
        rows = [
            _row(each)
            for served in self._served.asked(exchange)
            for each in asset_reader.contracts(served.reader)
        ]
        return table(environ, form, ContractRow, rows)


def _row(contract: Contract) -> ContractRow:
    return ContractRow(**{name: getattr(contract, name) for name in ContractRow.__struct_fields__})
