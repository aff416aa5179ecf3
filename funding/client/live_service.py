"""The live tables of one client, which its threads share, with the face of `service.Service`.

Nothing begins before the first question. A question about an asset needs the quotes and contracts
of every exchange: these are a table and a connection of their own.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from funding.client.live import LiveTable
from funding.client.service import ServiceQuote, ServiceQuotes
from funding.exchanges.table import EXCHANGES
from funding.model.asset import Aliases
from funding.nats.addresses import Address
from funding.nats.connection import Connection
from funding.nats.intake import Intake
from funding.runtime.clock import Clock
from funding.runtime.logs import ThrottledWarnings


class _Begun(NamedTuple):
    table: LiveTable
    intake: Intake


class LiveService:
    """Quotes of one `exchange` by the NATS servers at `addresses`; for any number of threads.

    They are fresh up to an age of `stale_after` seconds, and must have to do with REST at
    `rest_host`; `aliases` are other names of assets.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        exchange: str,
        *,
        clock: Clock,
        warn: ThrottledWarnings,
        stale_after: float,
        rest_host: str,
        aliases: Aliases,
    ) -> None:
        self._addresses = addresses
        self.exchange = exchange
        self.rest_host = rest_host
        self._clock = clock
        self._warn = warn
        self._stale_after = stale_after
        self._aliases = aliases
        self._lock = threading.Lock()
        self._own: _Begun | None = None
        self._every: _Begun | None = None

    @property
    def table(self) -> LiveTable:
        """That of the exchange."""
        begun = self._own
        if begun is None:
            with self._lock:
                begun = self._own = self._own or self._begin([self.exchange])
        return begun.table

    @property
    def every_exchange(self) -> LiveTable:
        """That of all exchanges, with their contracts."""
        begun = self._every
        if begun is None:
            with self._lock:
                begun = self._every = self._every or self._begin(EXCHANGES, of_assets=True)
        return begun.table

    def names(self, asset: str) -> list[str]:
        """`asset`, and what it is called among contracts: BTC for XBT, PEPE for kPEPE."""
        return [asset, *(self._aliases.asset("", each).name for each in (asset, asset.upper()))]

    def within(self, seconds: Callable[[], float]) -> "WithinSeconds":
        """It, for a thread whose questions end within so many `seconds`."""
        return WithinSeconds(self, seconds)

    def close(self) -> None:
        """End the connections and their threads; the next question makes others."""
        with self._lock:
            begun, self._own, self._every = (self._own, self._every), None, None
        for each in begun:
            if each is not None:
                each.intake.close()

    def _begin(self, exchanges: Collection[str], *, of_assets: bool = False) -> _Begun:
        table = LiveTable(
            clock=self._clock,
            warn=self._warn,
            stale_after=self._stale_after,
            awaited=() if of_assets else exchanges,
            with_contracts=of_assets,
        )

        def connect(changed: Callable[[], None]) -> Connection:
            return Connection(self._addresses, "funding-client", changed)

        intake = Intake(
            connect,
            table,
            exchanges=exchanges,
            warn=self._warn,
            uptime=self._clock.uptime,
            with_contracts=of_assets,
        )
        table.connection = intake.connection
        return _Begun(table, intake)


class WithinSeconds:
    """`live` as `service.Service` is asked."""

    def __init__(self, live: LiveService, seconds: Callable[[], float]) -> None:
        self._live = live
        self._seconds = seconds

    def quote(self, symbol: str) -> ServiceQuote:
        """The quote of `symbol`."""
        live = self._live
        return live.table.one(live.exchange, symbol, live.rest_host, self._seconds())

    def quotes(self) -> ServiceQuotes:
        """Every quote."""
        live = self._live
        return live.table.all(live.exchange, live.rest_host, self._seconds())

    def on_asset(self, asset: str) -> ServiceQuotes:
        """The quotes of all contracts on `asset`, of every exchange."""
        return self._live.every_exchange.on_asset(self._live.names(asset), self._seconds())

    def close(self) -> None:
        """Nothing: the others go on asking."""
