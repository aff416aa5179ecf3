"""New signals in the store → posts in the outbox."""

import logging
from collections.abc import Sequence

from funding.consumers.signal_posts import signal_post
from funding.consumers.signal_rules import Caps, SignalBatches
from funding.model.alert import Consumer
from funding.runtime.clock import Clock
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from funding.store.signal_table import SignalReader

log = logging.getLogger("consumer")

NAME = Consumer.SIGNAL_ALERT
LOOK_SECONDS = 0.5
"""An extreme signal is on its way this soon after its quote; a look costs 0.1 ms."""


class SignalAlert:
    """Tells `targets` of signals. Each is told once: what was told last stands in the table
    `consumer`, in the transaction of its posts."""

    def __init__(
        self, store: DurableConnection, targets: Sequence[str], *, caps: Caps, clock: Clock
    ) -> None:
        self._reader = SignalReader(store)
        self._outbox = OutboxStore(store)
        self._batches = SignalBatches(targets, caps)
        self._targets = targets
        self._clock = clock
        self._last: int | None = None

    def turn(self) -> float:
        """Look for new signals, and tell what is due; seconds until the next turn makes sense.
        Raises `StoreError`s."""
        now = self._clock.wall()
        if self._last is None:
            self._last = self._begin(now)
        newest = self._reader.newest()
        if newest < self._last:
            # All of them were too old to be kept, and counting has begun again.
            self._last = 0
        if newest > self._last:
            found = self._reader.after(self._last)
            self._batches.add([signal for _, signal in found], now)
            self._last = found[-1][0] if found else newest
        if self._batches.due(now):
            self._tell(now)
        return LOOK_SECONDS

    def flush(self) -> None:
        """Tell what waits, though it is not due."""
        self.turn()
        now = self._clock.wall()
        if self._batches.waiting:
            self._tell(now)

    def _begin(self, now: float) -> int:
        """The last signal that was told; at the very first start, the last that there is."""
        last = self._outbox.done(NAME)
        if last is None:
            last = self._reader.newest()
            self._outbox.complete(NAME, last, now, [], [])
        return last

    def _tell(self, now: float) -> None:
        last = self._last or 0
        told = self._batches.take(now)
        self._outbox.complete(NAME, last, now, [], [], [signal_post(each, last) for each in told])
        for each in told:
            log.info("%s: %d signals, %d more", each.target, len(each.signals), each.many_more)
