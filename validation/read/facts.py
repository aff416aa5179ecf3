"""What is known when the criteria are judged, beside the comparisons themselves."""

from dataclasses import dataclass, field

from validation.read.tally import Tally


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
    now: float

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

    @property
    def program(self) -> str:
        """Whom it is about: supervisord's name of a program, where one is named first."""
        first = self.detail.partition(" ")[0]
        return first if first.startswith(("funding:", "api:")) else self.source


@dataclass(slots=True)
class Audit:
    """What the audit trail says of the period."""

    counts: dict[str, int] = field(default_factory=dict)  # "kind (source)" → how many
    crashes: list[Incident] = field(default_factory=list)
    longest_absence: float = 0.0  # seconds between ingest's stop and its next start
    shown: list[Incident] = field(default_factory=list)
    readable: bool = True
    timeless: int = 0  # rows whose time is none
    turns: int = 0  # how often a program began anew, as far as the trail tells

    def many(self, kind: str) -> int:
        """How often `kind` happened, whoever said so."""
        return sum(n for label, n in self.counts.items() if label.startswith(f"{kind} ("))


@dataclass(frozen=True, slots=True)
class Feed:
    """The stream, as ingest saw it last."""

    connected: bool
    heartbeat_at: float  # Unix seconds, 0 when unknown
    rows_per_frame: float  # a message never has more rows than there are symbols
    stand_in: bool = False  # it comes from a loopback address


@dataclass(slots=True)
class Quotes:
    """The symbols the service knows, and those whose funding schedule cannot be true."""

    feed: Feed | None = None
    times: dict[str, float] = field(default_factory=dict)  # symbol → Unix seconds it is from
    impossible_interval: set[str] = field(default_factory=set)
    impossible_schedule: set[str] = field(default_factory=set)
    no_interval: set[str] = field(default_factory=set)
    no_schedule: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Strays:
    """Rows that are not judged with the others."""

    timeless: int  # `compared_at` is no number, or before 1970
    misnamed: int  # the exchange is empty, or spelt otherwise than the one that is judged
    others: int  # of other exchanges


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
    strays: Strays

    @property
    def known(self) -> set[str]:
        """Symbols that the service or REST has, in the period or now."""
        known = set(self.quotes.times)
        for tracks in self.tally.tracks.values():
            known.update(tracks)
        return known
