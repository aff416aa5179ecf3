"""A delivery with a store and connections of its own, for the thread that sends."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from funding.notify.backend import BackendClient
from funding.notify.sender import SEND_SECONDS, Delivery
from funding.notify.targets import Target
from funding.runtime.clock import SYSTEM
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from funding.store.stated_waits import StatedWaits


@contextmanager
def opened_delivery(
    consumer: str, target: Target, db: Path, rest_host: str | None = None
) -> Iterator[Delivery]:
    """What sends the posts of `consumer` to `target` from the database `db`; see DurableConnection
    for `rest_host`."""
    store = DurableConnection(db, rest_host=rest_host)
    backend = BackendClient(SEND_SECONDS, waits=StatedWaits(db, SYSTEM))
    try:
        yield Delivery(
            *(consumer, target),
            store=OutboxStore(store),
            backend=backend,
            clock=SYSTEM,
            uniform=random.uniform,
        )
    finally:
        backend.close()
        store.close()
