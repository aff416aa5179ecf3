"""What the store needs now and then: its WAL moved, old events and dead symbols removed."""

import logging

from funding.runtime.logs import Throttle
from funding.runtime.schedule import Every
from funding.store.writer import Writer

log = logging.getLogger("ingest")

CHECKPOINT_SECONDS = 10.0
PRUNE_SECONDS = 3_600.0
MORE_SECONDS = 1.0
"""Between two steps where one is not enough."""
RETIRE_SECONDS = 600.0
LARGE_WAL_BYTES = 16 * 1024 * 1024


class StoreMaintenance:
    """Call `step` often; each task is done at its own interval. Events are kept for
    `keep_seconds`."""

    def __init__(
        self, writer: Writer, exchange: str, throttle: Throttle, now: float, keep_seconds: float
    ) -> None:
        self._writer = writer
        self._exchange = exchange
        self._throttle = throttle
        self._keep_seconds = keep_seconds
        self._checkpoint = Every(CHECKPOINT_SECONDS, first=now + CHECKPOINT_SECONDS)
        self._prune = Every(PRUNE_SECONDS)
        self._retire = Every(RETIRE_SECONDS, first=now + RETIRE_SECONDS)

    def step(self, wall: float, now: float, *, all_classes_flow: bool) -> list[str]:
        """Do what is due; the symbols that were retired.

        No symbol is retired while a class of symbols is silent: it may be the stream that is dead.
        """
        if self._checkpoint.due(now):
            size = self._writer.checkpoint()
            if size > LARGE_WAL_BYTES and self._throttle("wal", now):
                log.warning("the WAL has %d bytes: does a reader hold an old snapshot?", size)
        if self._prune.due(now) and self._writer.prune_events(wall - self._keep_seconds):
            self._prune.hasten(now + MORE_SECONDS)
        if all_classes_flow and self._retire.due(now):
            return self._writer.retire(self._exchange, wall, now)
        return []
