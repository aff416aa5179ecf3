"""Open interest: how often to poll, and which changes are alerts. Pure; times are Unix seconds.

An alert is made when a change comes to be outside its threshold (an edge), not while it stays
there; and of one direction at most once per cool-down. A change held back by the cool-down, or too
small in contracts, is no edge yet: it is one as soon as both allow it.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from funding.model.open_interest import Direction, Edge, Sample, Timeframe

KEEP_SECONDS = 3_600 + 120
"""The longest look-back and its tolerance: older samples are no baseline."""
OTHERS_SECONDS = 600
"""For so long what the other callers used of the REST budget in one minute counts."""
CHUNK = 100
_TRIM = 64


class Change(NamedTuple):
    """An alert to be made: `current` has left the threshold around `baseline`."""

    timeframe: Timeframe
    direction: Direction
    baseline: Sample
    current: Sample

    @property
    def contracts(self) -> float:
        """The change in contracts."""
        return self.current.open_interest - self.baseline.open_interest

    @property
    def fraction(self) -> float:
        """The change as a fraction of the baseline."""
        return self.contracts / self.baseline.open_interest

    @property
    def price_fraction(self) -> float | None:
        """The change of the mark price, where both are known."""
        before, now = self.baseline.mark_price, self.current.mark_price
        return (now - before) / before if before and now is not None else None


def interval(symbols: int, per_minute: int, least: int, most: int) -> int:
    """Seconds between two polls of all `symbols` at `per_minute` calls, within the two bounds."""
    return min(most, max(least, round(60 * symbols / per_minute)))


def stretched(seconds: float, symbols: int, available: float) -> float:
    """`seconds`, or as many more as the REST weight `available` per minute demands."""
    return max(seconds, 60 * symbols / max(1.0, available))


def spare(budget: int) -> int:
    """Of the REST weight per minute, what is left to who compares, or takes REST's word."""
    return budget // 20


def tolerance(lookback: float) -> float:
    """How far from its instant a baseline may lie."""
    return max(30.0, min(120.0, lookback / 10))


class History:
    """The samples of one symbol, oldest first, as long as they may be a baseline."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._samples: list[Sample] = []

    @property
    def last_at(self) -> float | None:
        """When the newest was taken."""
        return self._times[-1] if self._times else None

    def add(self, sample: Sample) -> None:
        """Keep `sample` as the newest: what a clock that was since set back dated later goes."""
        future = bisect_left(self._times, sample.at)
        del self._times[future:], self._samples[future:]
        self._times.append(sample.at)
        self._samples.append(sample)
        old = bisect_left(self._times, sample.at - KEEP_SECONDS)
        if old >= _TRIM:
            del self._times[:old], self._samples[:old]

    def nearest(self, at: float, within: float) -> Sample | None:
        """The sample nearest to `at`, if it is no further than `within` seconds."""
        place = bisect_left(self._times, at)
        near = self._samples[max(0, place - 1) : place + 1]
        best = min(near, key=lambda each: abs(each.at - at), default=None)
        return best if best is not None and abs(best.at - at) <= within else None


class Watch:
    """All symbols' histories and edges; `changed` has the edges that are not in the store yet."""

    def __init__(
        self, timeframes: Iterable[Timeframe], least_contracts: float, edges: Iterable[Edge] = ()
    ) -> None:
        self._timeframes = tuple(timeframes)
        self._least = least_contracts
        self._histories: dict[str, History] = {}
        self.changed: list[Edge] = []
        self.know(edges)

    def know(self, edges: Iterable[Edge]) -> None:
        """Take the store's word, when all of `changed` is in it."""
        self._edges = {(edge.symbol, edge.timeframe): edge for edge in edges}

    def recall(self, samples: Iterable[Sample]) -> None:
        """Take in what was seen before a restart, oldest first, without judging it again."""
        for sample in samples:
            self._histories.setdefault(sample.symbol, History()).add(sample)

    def add(self, sample: Sample) -> list[Change]:
        """Take in a new sample; the alerts it makes."""
        history = self._histories.setdefault(sample.symbol, History())
        last_at = history.last_at
        history.add(sample)
        found = []
        for timeframe in self._timeframes:
            silent = last_at is None or sample.at - last_at > timeframe.lookback
            change = self._judge(history, sample, timeframe, forget=silent)
            if change is not None:
                found.append(change)
        return found

    def _judge(
        self, history: History, sample: Sample, timeframe: Timeframe, *, forget: bool
    ) -> Change | None:
        held = self._edges.get((sample.symbol, timeframe.name))
        edge = held or Edge(sample.symbol, timeframe.name)
        if forget:  # not seen for longer than the look-back: whatever it was outside of is over
            edge = edge._replace(outside="")
        found = None
        lookback = timeframe.lookback
        baseline = history.nearest(sample.at - lookback, tolerance(lookback))
        if baseline is not None and baseline.open_interest > 0:
            change = Change(timeframe, _direction(baseline, sample), baseline, sample)
            if abs(change.fraction) < timeframe.threshold:
                edge = edge._replace(outside="")
            elif edge.outside != change.direction and self._allowed(edge, change):
                found = change
                edge = _alerted(edge, change)
        if edge != (held or Edge(sample.symbol, timeframe.name)):
            self._edges[sample.symbol, timeframe.name] = edge
            self.changed.append(edge)
        return found

    def _allowed(self, edge: Edge, change: Change) -> bool:
        last = edge.up_at if change.direction is Direction.UP else edge.down_at
        since = change.timeframe.cooldown if last is None else change.current.at - last
        rested = since >= change.timeframe.cooldown or since < 0
        return rested and abs(change.contracts) >= self._least


def _direction(baseline: Sample, current: Sample) -> Direction:
    return Direction.UP if current.open_interest >= baseline.open_interest else Direction.DOWN


def _alerted(edge: Edge, change: Change) -> Edge:
    at = change.current.at
    if change.direction is Direction.UP:
        return edge._replace(outside=Direction.UP, up_at=at)
    return edge._replace(outside=Direction.DOWN, down_at=at)
