"""What is known when the criteria are judged, beside the comparisons themselves."""

from dataclasses import dataclass, field

from scripts.report.tally import Tally


@dataclass(frozen=True, slots=True)
class Period:
    """What was asked for, and what of it was compared. Unix seconds.

    `gaps` are (begin, end) of what is longer than five minutes without any comparison, the time
    from the last one to `until` included. `backwards` counts minutes whose rows were written
    before rows that claim to be older: the clock went back, or rows were added later.
    """

    since: float
    until: float
    first: float
    last: float
    gaps: list[tuple[float, float]]
    longest_gap: float
    backwards: int
    future: int

    @property
    def span(self) -> float:
        """Seconds between the first and the last comparison."""
        return self.last - self.first

    @property
    def hours(self) -> int:
        """Whole hours in the span; at least one, so that shares are of something."""
        return max(1, int(self.span // 3600))


@dataclass(frozen=True, slots=True)
class Incident:
    """One row of the audit trail."""

    at: float
    source: str
    kind: str
    detail: str


@dataclass(slots=True)
class Audit:
    """What the audit trail says of the period."""

    counts: dict[str, int] = field(default_factory=dict)  # "kind (source)" → how many
    crashes: list[Incident] = field(default_factory=list)
    longest_absence: float = 0.0  # seconds between ingest's stop and its next start
    shown: list[Incident] = field(default_factory=list)
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Quotes:
    """The symbols the service knows, and those whose funding schedule cannot be true."""

    symbols: frozenset[str]
    impossible_interval: list[str]
    impossible_schedule: list[str]
    rows_per_frame: float  # of the feed: a message never has more rows than there are symbols


@dataclass(frozen=True, slots=True)
class Usage:
    """REST calls and weight in the period: (caller, route) → (calls, weight)."""

    used: dict[tuple[str, str], tuple[int, int]]

    @property
    def calls(self) -> int:
        """All calls."""
        return sum(calls for calls, _ in self.used.values())

    @property
    def weight(self) -> int:
        """All weight."""
        return sum(weight for _, weight in self.used.values())


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything."""

    exchange: str
    period: Period
    tally: Tally
    audit: Audit
    quotes: Quotes
    usage: Usage
    minimum_symbols: int
    other_exchanges: int

    @property
    def known(self) -> set[str]:
        """Symbols that the service or REST has, in the period or now."""
        known = set(self.quotes.symbols)
        for tracks in self.tally.tracks.values():
            known.update(tracks)
        return known
