"""Open interest: how often to poll, and which changes are alerts. Pure; times are Unix seconds.

An alert is made when a change crosses its threshold (an edge), not while it stays outside, and at
most once per cool-down in each direction. While the cool-down lasts, or the change is too small in
contracts, there is no edge yet: there is one as soon as both allow it.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from funding.model.open_interest import Direction, Edge, Sample, Timeframe

KEEP_SECONDS = 3_600 + 120
"""The longest look-back and its tolerance: an older sample cannot be a baseline."""
OTHERS_SECONDS = 600
"""How long a minute of much REST usage by the other callers stretches the loop."""
_TRIM = 64


class Change(NamedTuple):
    """An alert to be made: `current` is outside the threshold around `baseline`."""

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


def loop_interval(symbols: int, per_minute: int, least: int, most: int) -> int:
    """Seconds between two polls of all `symbols` at `per_minute` calls, within the two bounds."""
    return min(most, max(least, round(60 * symbols / per_minute)))


def stretched_interval(seconds: float, symbols: int, available: float) -> float:
    """`seconds`, or more where the REST weight `available` per minute does not suffice."""
    return max(seconds, 60 * symbols / max(1.0, available))


def reserved_weight(budget: int) -> int:
    """The share of the REST weight per minute that is reserved for comparisons and fallbacks."""
    return budget // 20


def baseline_tolerance(lookback: float) -> float:
    """How many seconds a baseline may be away from its instant."""
    return max(30.0, min(120.0, lookback / 10))


class SampleHistory:
    """The samples of one symbol, oldest first, for as long as one may be a baseline."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._samples: list[Sample] = []

    @property
    def last_at(self) -> float | None:
        """When the newest was taken."""
        return self._times[-1] if self._times else None

    def add(self, sample: Sample) -> None:
        """Keep `sample` as the newest; later ones, from before the clock was set back, go."""
        future = bisect_left(self._times, sample.at)
        del self._times[future:], self._samples[future:]
        self._times.append(sample.at)
        self._samples.append(sample)
        old = bisect_left(self._times, sample.at - KEEP_SECONDS)
        if old >= _TRIM:
            del self._times[:old], self._samples[:old]

    def nearest(self, at: float, within: float) -> Sample | None:
        """The sample nearest to `at`, if it is at most `within` seconds away."""
        place = bisect_left(self._times, at)
        near = self._samples[max(0, place - 1) : place + 1]
        best = min(near, key=lambda sample: abs(sample.at - at), default=None)
        return best if best is not None and abs(best.at - at) <= within else None


class ChangeDetector:
    """All symbols' histories and edges; `changed_edges` are those that are not stored yet."""

    def __init__(
        self, timeframes: Iterable[Timeframe], least_contracts: float, edges: Iterable[Edge] = ()
    ) -> None:
        self._timeframes = tuple(timeframes)
        self._least = least_contracts
        self._histories: dict[str, SampleHistory] = {}
        self.changed_edges: list[Edge] = []
        self.load_edges(edges)

    def load_edges(self, edges: Iterable[Edge]) -> None:
        """Replace all edges by the stored ones; `changed_edges` must have been stored."""
        self._edges = {(edge.symbol, edge.timeframe): edge for edge in edges}

    def load_samples(self, samples: Iterable[Sample]) -> None:
        """Take in the samples from before a restart, oldest first; they make no alerts again."""
        for sample in samples:
            self._histories.setdefault(sample.symbol, SampleHistory()).add(sample)

    def add(self, sample: Sample) -> list[Change]:
        """Take in a new sample; the alerts that it makes."""
        history = self._histories.setdefault(sample.symbol, SampleHistory())
        last_at = history.last_at
        history.add(sample)
        found = []
        for timeframe in self._timeframes:
            silent = last_at is None or sample.at - last_at > timeframe.lookback
            change = self._check(history, sample, timeframe, forget=silent)
            if change is not None:
                found.append(change)
        return found

    def _check(
        self, history: SampleHistory, sample: Sample, timeframe: Timeframe, *, forget: bool
    ) -> Change | None:
        key = (sample.symbol, timeframe.name)
        edge = known = self._edges.get(key) or Edge(*key)
        if forget:  # no sample for longer than the look-back: the next change is a new one
            edge = edge._replace(outside="")
        found = None
        lookback = timeframe.lookback
        baseline = history.nearest(sample.at - lookback, baseline_tolerance(lookback))
        if baseline is not None and baseline.open_interest > 0:
            change = Change(timeframe, _direction(baseline, sample), baseline, sample)
            if abs(change.fraction) < timeframe.threshold:
                edge = edge._replace(outside="")
            elif edge.outside != change.direction and self._may_alert(edge, change):
                found = change
                edge = _alerted(edge, change)
        if edge != known:
            self._edges[key] = edge
            self.changed_edges.append(edge)
        return found

    def _may_alert(self, edge: Edge, change: Change) -> bool:
        last = edge.up_at if change.direction is Direction.UP else edge.down_at
        since = change.timeframe.cooldown if last is None else change.current.at - last
        cooled = since >= change.timeframe.cooldown or since < 0
        return cooled and abs(change.contracts) >= self._least


def _direction(baseline: Sample, current: Sample) -> Direction:
    return Direction.UP if current.open_interest >= baseline.open_interest else Direction.DOWN


def _alerted(edge: Edge, change: Change) -> Edge:
    at = change.current.at
    if change.direction is Direction.UP:
        return edge._replace(outside=Direction.UP, up_at=at)
    return edge._replace(outside=Direction.DOWN, down_at=at)
