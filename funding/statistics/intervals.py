"""Settlements → the hours that each stands for, and the gaps between them.

# Facts
- A settlement comes some ms after its hour, and once 24 minutes after it (Hyperliquid 2023-05): the
  nearest full hour is its hour.
- Intervals change in mid-life (8 → 4 → 1 h), and no row of REST says which one it is paid for. On
  2026-06-24 Binance missed the settlement of 04:00 of its 4-hour contracts, and on 2023-07-02
  Hyperliquid missed an hour: one longer step is a gap, and two equal steps are an interval.
- Binance's archive states the interval of each settlement; a stated one is believed.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from funding.model.settlement import REGULAR, StoredSettlement

HOUR_MS = 3_600_000
LONGEST_INTERVAL_HOURS = 24
"""No exchange settles less often: a longer step is a gap, however often it comes."""


class Settled(NamedTuple):
    """A regular settlement: `hour` is that of its `funding_time` (epoch ms ÷ an hour, rounded).

    It pays for `interval` hours, None where that cannot be told, and `covered` of them have passed
    since the settlement before, which was `step` hours earlier (None for the first).
    """

    funding_time: int
    hour: int
    rate: float
    interval: int | None
    step: int | None

    @property
    def hourly(self) -> float | None:
        """The rate as a fraction per hour."""
        return None if self.interval is None else self.rate / self.interval

    @property
    def covered(self) -> int:
        """The hours up to it that it stands for."""
        return min(self.interval or 0, self.step or LONGEST_INTERVAL_HOURS)


class Gap(NamedTuple):
    """Settlements that are missing between two times (epoch ms, as the exchange sent them)."""

    after_time: int
    before_time: int
    missing: int
    hours: int

    @property
    def is_hole(self) -> bool:
        """Whether it is more than one missed settlement: then the history was not fetched whole."""
        return self.missing > 1


def hour_of(time_ms: int) -> int:
    """The full hour that is nearest to `time_ms`, in hours since 1970."""
    return (time_ms + HOUR_MS // 2) // HOUR_MS


def settled(settlements: Sequence[StoredSettlement]) -> list[Settled]:
    """The regular ones among the `settlements` of one symbol, oldest first, one an hour.

    A Special rate is charged beside a regular one, for a dividend, and has no interval. The same
    settlement from two sources may differ by milliseconds.
    """
    by_hour = {
        hour_of(each.funding_time): each
        for each in sorted(settlements, key=lambda each: each.funding_time, reverse=True)
        if each.rate_type == REGULAR
    }
    hours = sorted(by_hour)
    if not hours:
        return []
    steps = [None, *(after - before for before, after in pairwise(hours))]
    stated = [by_hour[hour].interval_hours for hour in hours]
    return [
        Settled(by_hour[hour].funding_time, hour, by_hour[hour].rate, interval, step)
        for hour, interval, step in zip(hours, _intervals(steps, stated), steps, strict=True)
    ]


def gaps(settlements: Sequence[Settled]) -> list[Gap]:
    """Where a step is longer than the interval of the settlement that ends it."""
    found = []
    for before, after in pairwise(settlements):
        if after.interval and after.step and after.step > after.interval:
            hours = after.step - after.interval
            missing = max(1, round(hours / after.interval))
            found.append(Gap(before.funding_time, after.funding_time, missing, hours))
    return found


def last_interval(settlements: Sequence[Settled]) -> int | None:
    """The interval of the newest of them where two equal steps, or the exchange, say it."""
    return settlements[-1].interval if settlements else None


def _intervals(steps: Sequence[int | None], stated: Sequence[int | None]) -> list[int | None]:
    sure = [
        given if given is not None else _repeated(steps, index)
        for index, given in enumerate(stated)
    ]
    before = _nearest(sure)
    after = _nearest(sure[::-1])[::-1]
    return [
        known if known is not None else _of_odd_step(step, left, right)
        for known, step, left, right in zip(sure, steps, before, after, strict=True)
    ]


def _repeated(steps: Sequence[int | None], index: int) -> int | None:
    """The step at `index` where one beside it is equal."""
    step = steps[index]
    if step is None or step > LONGEST_INTERVAL_HOURS:
        return None
    beside = (*steps[max(0, index - 1) : index], *steps[index + 1 : index + 2])
    return step if step in beside else None


def _nearest(intervals: Sequence[int | None]) -> list[int | None]:
    """For each place the last interval that is known up to there."""
    found: list[int | None] = []
    last = None
    for each in intervals:
        last = each if each is not None else last
        found.append(last)
    return found


def _of_odd_step(step: int | None, before: int | None, after: int | None) -> int | None:
    """The interval of a settlement whose step stands alone, between those of its neighbours.

    Longer than both it has a gap in it. Otherwise the schedule changed: it pays for its own hours.
    """
    known = [each for each in (before, after) if each is not None]
    if not known or step is None:
        return after
    return known[0] if step > max(known) else step
