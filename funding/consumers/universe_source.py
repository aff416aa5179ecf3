"""The poller's universe: the backend's, or without one our own by 24 h volume."""

import logging
import math
from collections.abc import Callable

from funding import errors
from funding.consumers import universe
from funding.notify.backend import BackendClient
from funding.rest.client import RestClient
from funding.runtime.clock import Clock
from funding.settings.secret import Secret
from funding.store.open_interest import OpenInterestStore

log = logging.getLogger("universe")

PATH = "/api/market/open-interest/liquid-universe"


class UniverseSource:
    """Finds the symbols worth polling, and keeps them in the store. For one thread.

    With an `address` that is the backend's word; while it gives none, the last one counts.
    """

    def __init__(
        self,
        address: str,
        key: Secret,
        *,
        backend: BackendClient,
        rest: Callable[[], RestClient],
        store: OpenInterestStore,
        clock: Clock,
        tradfi: bool = False,
    ) -> None:
        self._address = address
        self._key = key
        self._backend = backend
        self._rest = rest
        self._store = store
        self._clock = clock
        self._tradfi = tradfi

    def symbols(self) -> list[str]:
        """The universe, in order of names. Raises `RestError` only when there never was one."""
        held = self._store.universe()
        found, source = self._from_backend(), "backend"
        if not found and held:
            sources = set(held.values())
            if self._address and sources == {"backend"}:
                return sorted(held)
        if not found:
            try:
                found, source = self._own(set(held)), "own"
            except errors.RestError as error:
                if not held:
                    raise
                log.warning("the universe stays as it is: %s", error)
                return sorted(held)
        if set(found) != set(held):
            log.info("%d symbols to poll (%s), %d before", len(found), source, len(held))
        self._store.set_universe(found, source, self._clock.wall())
        return sorted(found)

    def _from_backend(self) -> list[str]:
        if not self._address:
            return []
        try:
            headers = {"X-API-Key": self._key.reveal()}
            reply = self._backend.get(self._address + PATH, headers)
            if reply.status == 200:
                return universe.from_backend(reply.body)
            problem = f"status {reply.status}"
        except (errors.PostError, ValueError) as error:
            problem = str(error)
        log.warning("no universe from the backend: %s", problem)
        return []

    def _own(self, held: set[str]) -> list[str]:
        listed = universe.perpetuals(self._rest().contracts(), tradfi=self._tradfi)
        volumes = {}
        for ticker in self._rest().tickers():
            if ticker.symbol in listed:
                try:
                    volume = float(ticker.quote_volume)
                except ValueError:
                    volume = math.nan
                volumes[ticker.symbol] = volume
        found = sorted(universe.liquid(volumes, held))
        if not found:
            raise errors.RestGarbled("no symbol has the volume to be polled")
        return found
