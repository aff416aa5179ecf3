"""The poller's universe: the backend's list of symbols, or without one our own by 24 h volume."""

import logging
import math
from collections.abc import Callable, Collection

from funding import errors
from funding.consumers import universe_rules
from funding.exchanges.binance.rest import Contract, Ticker
from funding.notify.backend import BackendClient
from funding.runtime.clock import Clock
from funding.settings.secret import Secret
from funding.store.open_interest import OpenInterestStore

log = logging.getLogger("universe")

PATH = "/api/market/open-interest/liquid-universe"
BACKEND, OWN = "backend", "own"


class Universe:
    """Finds the symbols worth polling, and keeps them in the store. For one thread.

    `ask_backend` returns its list, which counts for as long as the backend gives no other; it is
    None where there is no backend.
    """

    def __init__(
        self,
        *,
        ask_backend: Callable[[], list[str]] | None,
        contracts: Callable[[], list[Contract]],
        tickers: Callable[[], list[Ticker]],
        store: OpenInterestStore,
        clock: Clock,
        tradfi: bool = False,
    ) -> None:
        self._ask_backend = ask_backend
        self._contracts = contracts
        self._tickers = tickers
        self._store = store
        self._clock = clock
        self._tradfi = tradfi

    def symbols(self) -> list[str]:
        """The universe, in order of names. Raises `RestError` only where there never was one."""
        current = self._store.universe()
        found, source = self._from_backend(), BACKEND
        if not found:
            if self._ask_backend is not None and set(current.values()) == {BACKEND}:
                return sorted(current)
            try:
                found, source = self._by_volume(current.keys()), OWN
            except errors.RestError as error:
                if not current:
                    raise
                log.warning("the universe stays as it is: %s", error)
                return sorted(current)
        if set(found) != set(current):
            log.info("%d symbols to poll (%s), %d before", len(found), source, len(current))
        self._store.set_universe(found, source, self._clock.wall())
        return sorted(found)

    def _from_backend(self) -> list[str]:
        if self._ask_backend is None:
            return []
        try:
            return self._ask_backend()
        except (errors.PostError, ValueError) as error:
            log.warning("no universe from the backend: %s", error)
            return []

    def _by_volume(self, current: Collection[str]) -> list[str]:
        listed = universe_rules.perpetuals(self._contracts(), tradfi=self._tradfi)
        volumes = {
            ticker.symbol: _volume(ticker) for ticker in self._tickers() if ticker.symbol in listed
        }
        found = universe_rules.liquid(volumes, current)
        if not found:
            raise errors.RestGarbled("no symbol has the volume to be polled")
        return sorted(found)


def ask(backend: BackendClient, address: str, key: Secret) -> list[str]:
    """The list of the backend at `address`. Raises `PostError`, or ValueError for no list."""
    reply = backend.get(address + PATH, {"X-API-Key": key.reveal()})
    if reply.status != 200:
        raise errors.PostError(f"status {reply.status}")
    return universe_rules.from_backend(reply.body)


def _volume(ticker: Ticker) -> float:
    try:
        return float(ticker.quote_volume)
    except ValueError:
        return math.nan
