"""The goals, as limits on figures of the same run. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.bench.figures import OURS, Figures
from harness.tables import Criterion, Verdict, number, verdict

Value = Callable[[Figures], float | None]


@dataclass(frozen=True, slots=True)
class Goal:
    """`text` is met while `value` is at most (or, with `least`, at least) `limit`."""

    text: str
    value: Value
    limit: float
    least: bool = False

    def judge(self, figures: Figures) -> Criterion:
        """OPEN where this run did not measure it."""
        value = self.value(figures)
        if value is None:
            return Criterion(self.text, Verdict.OPEN, "not measured")
        good = value >= self.limit if self.least else value <= self.limit
        return Criterion(self.text, verdict(good), number(value))


def figure(row: int, what: str, of: str = "median", who: str = OURS) -> Value:
    """A figure itself."""

    def value(figures: Figures) -> float | None:
        found = figures.find(row, what, who)
        result: float | None = None if found is None else getattr(found, of)
        return result

    return value


def against(row: int, what: str, who: str, of: str = "median") -> Value:
    """Ours in units of `who`."""

    def value(figures: Figures) -> float | None:
        found = figures.find(row, what, who)
        return None if found is None else figures.ratio_to(found, of)

    return value


def worst(*values: Value) -> Value:
    """The largest of those that were measured."""

    def value(figures: Figures) -> float | None:
        measured = [each for each in (part(figures) for part in values) if each is not None]
        return max(measured, default=None)

    return value


CONNECTIONS = (1, 16, 64)
OLDER, CONSTANT, BARE = "older design", "floor: constant bytes", "floor: decode + executemany"
CPU = "CPU of a core, % at 1 ×"
SUSTAINED = "multiple of the rate sustained"
SEEN = "frame sent → readable"
DISK = "disk writes per hour, MB"
RSS = "resident memory in all, MB"
SYMBOLS_RATIO = "one, 100,000 ÷ 1,000 symbols"
RSS_ONE = "resident memory, largest process, MB"


def _each(kind: str, who: str, of: str) -> Value:
    return worst(*(against(3, f"{kind}, {n} conn.", who, of) for n in CONNECTIONS))


def _own(row: int, kind: str, of: str) -> Value:
    return worst(*(figure(row, f"{kind}, {n} conn.", of) for n in CONNECTIONS))


def _growth() -> Value:
    steps = ("bulk, 1,000 → 10,000 symbols", "bulk, 10,000 → 100,000 symbols")
    return worst(*(figure(6, step) for step in steps))


GOALS = (
    Goal("ingest CPU ≤ 1.5 × its floor", against(1, CPU, BARE), 1.5),
    Goal("ingest CPU < 1.5 % of a core at 962 rows/s", figure(1, CPU), 1.5),
    Goal("50 × real time sustained", figure(1, SUSTAINED), 50, least=True),
    Goal("visibility p99 ≤ 10 ms", figure(2, SEEN, "p99"), 10),
    Goal("one symbol: p50 ≤ the older design's, everywhere", _each("one", OLDER, "median"), 1),
    Goal("one symbol: p99 ≤ the older design's, everywhere", _each("one", OLDER, "p99"), 1),
    Goal(
        "one symbol: throughput ≥ 1.3 × the older design's at 16",
        against(3, "one per second, 16 conn.", OLDER), 1.3, least=True,
    ),
    Goal("one symbol: p50 ≤ 1.4 × constant bytes", _each("one", CONSTANT, "median"), 1.4),
    Goal("batch of 100: p99 ≤ 5 ms at 1", figure(3, "batch of 100, 1 conn.", "p99"), 5),
    Goal("batch of 100: p99 ≤ 5 ms, everywhere", _own(3, "batch of 100", "p99"), 5),
    Goal("bulk of all: p99 ≤ 15 ms at 1", figure(3, "bulk of all, 1 conn.", "p99"), 15),
    Goal("bulk of all: p99 ≤ 15 ms, everywhere", _own(3, "bulk of all", "p99"), 15),
    Goal("bulk unchanged (304): p99 ≤ 2 ms at 1", figure(3, "bulk unchanged, 1 conn.", "p99"), 2),
    Goal("bulk unchanged: p99 ≤ 2 ms, everywhere", _own(3, "bulk unchanged", "p99"), 2),
    Goal("the herd: p99 ≤ 10 ms", figure(4, "herd, one lookup", "p99"), 10),
    Goal("the herd: no error", figure(4, "herd, errors"), 0),
    Goal("every process < 45 MB", figure(5, RSS_ONE), 45),
    Goal("all processes < 150 MB", figure(5, RSS), 150),
    Goal("disk writes ≤ ⅓ of the older design's", against(5, DISK, OLDER), 1 / 3),
    Goal("bulk grows linearly: 10 × symbols ≤ 12 × time", _growth(), 12),
    Goal("one lookup is flat in symbols: ≤ 1.5 ×", figure(6, SYMBOLS_RATIO), 1.5),
    Goal("one lookup is flat in comparisons: ≤ 1.2 ×", figure(6, "one, comparisons ÷ none"), 1.2),
    Goal("a write is flat in comparisons: ≤ 1.2 ×", figure(6, "write, comparisons ÷ none"), 1.2),
)  # fmt: skip


def judge(figures: Figures) -> list[Criterion]:
    """Every goal."""
    return [goal.judge(figures) for goal in GOALS]
