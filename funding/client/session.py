"""What one thread of a client works with."""

import logging
import weakref
from collections.abc import Callable
from typing import NamedTuple

from funding.client.book import Book
from funding.client.patience import Patience
from funding.client.remainder import Remainder
from funding.client.service import Service
from funding.client.turns import Turns
from funding.rest.client import RestClient
from funding.runtime.clock import Clock
from funding.settings.service import Settings
from funding.store.ledger import Ledger

log = logging.getLogger("client")


class Session(NamedTuple):
    """The service, the exchange's REST interface and the store, and how long they may take
    together; for one thread at a time."""

    service: Service
    rest: RestClient
    book: Book
    patience: Patience

    def close(self) -> None:
        """Let go of connections and file; the next call opens them again."""
        self.patience.begin()
        self.service.close()
        self.rest.close()
        self.book.close()


def open_session(
    settings: Settings, caller: str, timeout: float, clock: Clock
) -> Callable[[], Session]:
    """What makes `Parts`; nothing is opened before it is used. `timeout` in seconds."""
    remainder, turns = Remainder(clock, log.warning), Turns()

    def make() -> Session:
        patience = Patience(timeout)
        ledger = Ledger(settings.db, lambda: turns.patience(patience.left()))
        book = Book(ledger, remainder, lambda: turns.mine(patience.left() / 2))
        service = Service(
            settings.api_host, settings.api_port, timeout=patience.left, uptime=clock.uptime
        )
        rest = RestClient(
            settings.rest_url,
            caller,
            usage=book,
            budget=settings.rest_weight,
            clock=clock,
            timeout=patience.left,
        )
        return Session(service, rest, book, patience)

    # At the end of the program, too.
    weakref.finalize(make, remainder.give_up, "the client was not closed")
    return make
