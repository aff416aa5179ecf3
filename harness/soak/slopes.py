"""Does a process grow? Samples of its resources, and the slope of a line through them.

# Facts
- Samples of one process depend on each other: a line through them all with the usual formula
  claims far too much certainty. So each series is cut into ten equal spans, and the line goes
  through one value of each; the interval is Student's t with 8 degrees of freedom.
- That value is the least of its span: a client's connection or a message of 9 MiB comes and goes,
  what leaks stays.
- A young process grows for a while: caches fill, the heap finds its size. The first part of its
  life does not count.
- Of fifteen intervals of 95 % one or two are wrong. So growth must lie outside an interval that is
  wide enough for all of them to hold together with 95 % (Bonferroni).
"""

import math
import os
import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from harness.tables import Verdict, verdict

SPANS = 10
T_95, T_ALL = 2.306, 4.122
"""Student's t with 8 degrees of freedom: 97.5 %, and 1 - 2.5 % / 15."""
YOUNG_SECONDS, YOUNG_SHARE = 900.0, 0.25
"""The first part of a life: a quarter of an hour, or a quarter of a shorter one."""
SHORTEST_SECONDS = 1_200.0
"""A shorter series cannot tell growth from youth, nor show that there is none."""

MEASURES = {"file descriptors": 1.0, "threads": 1.0, "memory, MB": 2.0}
"""What is counted, and how much of it per hour is not yet growth."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Sample(NamedTuple):
    """What a process holds at `at` (monotonic s): counts, and resident megabytes."""

    at: float
    descriptors: float
    threads: float
    megabytes: float


def sample(pid: int, now: float) -> Sample | None:
    """That of process `pid`; None when it is gone."""
    place = Path(f"/proc/{pid}")
    with suppress(OSError, IndexError):
        descriptors, threads = len(os.listdir(place / "fd")), len(os.listdir(place / "task"))
        pages = int((place / "statm").read_text("ascii").split()[1])
        return Sample(now, descriptors, threads, pages * _PAGE / 1e6)
    return None


@dataclass(slots=True)
class Samples:
    """By program and pid: a restarted process is another series."""

    series: dict[tuple[str, int], list[Sample]] = field(default_factory=dict)

    def take(self, pids: dict[str, int], now: float) -> None:
        """One of each."""
        for name, pid in pids.items():
            if (found := sample(pid, now)) is not None:
                self.series.setdefault((name, pid), []).append(found)

    def longest(self) -> dict[str, list[Sample]]:
        """The longest life of each program, without its first part."""
        found: dict[str, list[Sample]] = {}
        for (name, _), samples in self.series.items():
            if _span(samples) > _span(found.get(name, [])):
                found[name] = samples
        return {name: grown_up(samples) for name, samples in sorted(found.items())}


def _span(samples: Sequence[Sample]) -> float:
    return samples[-1].at - samples[0].at if samples else 0.0


def grown_up(samples: Sequence[Sample]) -> list[Sample]:
    """Those of a life without its first part."""
    young = min(YOUNG_SECONDS, YOUNG_SHARE * _span(samples))
    return [each for each in samples if each.at - samples[0].at >= young]


class Slope(NamedTuple):
    """Growth per hour with its 95 % interval; `seconds` of samples it is taken from."""

    per_hour: float
    low: float
    high: float
    seconds: float
    first: float
    last: float

    def verdict(self, allowed: float) -> Verdict:
        """FAIL: it grows; PASS: it does not; OPEN: too short to tell."""
        if self.seconds < SHORTEST_SECONDS:
            return Verdict.OPEN
        least = self.per_hour - (self.per_hour - self.low) * T_ALL / T_95
        if least > 0 and self.per_hour > allowed:
            return Verdict.FAIL
        return verdict(True, measured=self.high <= allowed)


def slope(times: Sequence[float], values: Sequence[float]) -> Slope:
    """The line through the least of each tenth of `values` at `times` (s)."""
    seconds = times[-1] - times[0] if times else 0.0
    if len(times) < 2 * SPANS or seconds <= 0:
        return Slope(0.0, -math.inf, math.inf, seconds, math.nan, math.nan)
    spans: list[list[int]] = [[] for _ in range(SPANS)]
    for place, at in enumerate(times):
        spans[min(SPANS - 1, int((at - times[0]) / seconds * SPANS))].append(place)
    spans = [places for places in spans if places]
    x = [statistics.fmean(times[place] for place in places) / 3600 for places in spans]
    y = [min(values[place] for place in places) for places in spans]
    if len(x) < SPANS:
        return Slope(0.0, -math.inf, math.inf, seconds, y[0], y[-1])
    line = statistics.linear_regression(x, y)
    middle = statistics.fmean(x)
    squares = sum((a - middle) ** 2 for a in x)
    residuals = sum((b - line.intercept - line.slope * a) ** 2 for a, b in zip(x, y, strict=True))
    half = T_95 * math.sqrt(residuals / (SPANS - 2) / squares)
    return Slope(line.slope, line.slope - half, line.slope + half, seconds, y[0], y[-1])


def slopes(samples: Sequence[Sample]) -> dict[str, Slope]:
    """One per measure."""
    times = [each.at for each in samples]
    return {
        name: slope(times, [each[place] for each in samples])
        for place, name in enumerate(MEASURES, start=1)
    }
