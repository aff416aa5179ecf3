"""Whether a funding rate has moved far within minutes."""

from array import array

WINDOW_SECONDS = 300
LEAST_SHARE = 0.1
"""Of the rate that it has moved from."""
LEAST_MOVE = 1e-4 / 8
"""1 bp per 8 h, as a fraction per hour: a tenth of a tiny rate is nothing."""
SLOT_MS = 15_000
"""A sample of the rate is kept for each slot, that of its beginning: a move that took more than
285 s may not be seen, and one that took more than 300 s never is."""
_SLOTS = WINDOW_SECONDS * 1_000 // SLOT_MS
_ROUNDING = 1e-6  # of single precision, which takes half the memory


class RateWindow:
    """The rates of one symbol in the last `WINDOW_SECONDS`, from `rate` in `slot` on: epoch ms ÷
    `SLOT_MS`. In that slot no rate from `low` to `high` has moved far."""

    __slots__ = ("_samples", "high", "low", "slot")

    def __init__(self, slot: int, rate: float, interval: int) -> None:
        self.slot = slot
        self.low = self.high = rate
        self._samples: array[float] = array("f")
        self._restart(slot, rate, interval)

    def moved_from(
        self, slot: int, rate: float, interval: int, before: float, held_until: int
    ) -> float | None:
        """The rate from which it has moved to `rate` in `slot`; None where it has not moved far.

        `before` is the rate of until now, last heard of in the slot `held_until`. After a move the
        window starts again, so that one move is told once. Slots do not go back.
        """
        if slot - held_until >= _SLOTS:
            self._restart(slot, rate, interval)
            return None
        if slot > self.slot:
            self._samples.extend((before,) * min(slot - self.slot, _SLOTS))
            del self._samples[:-_SLOTS]
            self.slot = slot
            self._set_bounds(interval)
        if self.low <= rate <= self.high:
            return None
        start = min(self._samples) if rate > self.high else max(self._samples)
        self._restart(slot, rate, interval)
        return start

    def _restart(self, slot: int, rate: float, interval: int) -> None:
        self.slot = slot
        self._samples = array("f", (rate,))
        self._set_bounds(interval)

    def _set_bounds(self, interval: int) -> None:
        """A rate is far from a sample if it is far from the lowest or from the highest one."""
        low, high = min(self._samples), max(self._samples)
        least = LEAST_MOVE * interval * (1 - _ROUNDING)
        share = LEAST_SHARE * (1 + _ROUNDING)
        self.low = high - max(share * abs(high), least)
        self.high = low + max(share * abs(low), least)
