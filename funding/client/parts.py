"""What one thread of a client works with."""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from funding import errors
from funding.client.service import Service
from funding.clock import Clock
from funding.rest import Rest
from funding.settings import Settings
from funding.store import Ledger


class Parts(NamedTuple):
    """The service, the exchange's REST interface and the ledger; for one thread at a time."""

    service: Service
    rest: Rest
    ledger: Ledger

    def close(self) -> None:
        """Let go of connections and file; the next call opens them again."""
        self.service.close()
        with suppress(errors.StoreError):
            self.ledger.close()


def open_parts(
    settings: Settings, caller: str, timeout: float, clock: Clock
) -> Callable[[], Parts]:
    """What makes `Parts`; nothing is opened before it is used. `timeout` in seconds."""

    def make() -> Parts:
        ledger = Ledger(settings.db)
        service = Service(
            settings.api_host, settings.api_port, timeout=timeout, uptime=clock.uptime
        )
        rest = Rest(
            settings.rest_url,
            caller,
            ledger=ledger,
            budget=settings.rest_weight,
            clock=clock,
            timeout=timeout,
        )
        return Parts(service, rest, ledger)

    return make
