"""The verdict of validation reports on one exchange: may REST be switched off, and until when?"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

DAY_SECONDS = 86_400.0
GO_SECONDS = 7 * DAY_SECONDS
"""A GO that is older is none any more."""
WARNING_SECONDS = 2 * DAY_SECONDS
"""So long before that it is about to lapse."""
GO = "GO"


class Standing(StrEnum):
    """What a verdict is worth at a moment; the words stand in answers of the API."""

    GO = "go"
    LAPSING = "lapsing"  # a GO that ends within WARNING_SECONDS
    LAPSED = "lapsed"  # a GO that is too old
    NO_GO = "no-go"


class Verdict(NamedTuple):
    """The last stored verdict on `exchange`: its `word`, GO or NO-GO, and how old it is: `at` (Unix
    seconds) is when the report was made, or the end of its period where that is earlier.

    `go_at` is the same of the last GO, None where there never was one. `failing` names the criteria
    that a NO-GO failed.
    """

    exchange: str
    at: float
    word: str
    go_at: float | None = None
    failing: str = ""

    @property
    def lapses_at(self) -> float | None:
        """When the last GO ends by its age (Unix seconds)."""
        return None if self.go_at is None else self.go_at + GO_SECONDS

    def standing(self, now: float) -> Standing:
        """What it is worth at `now` (Unix seconds)."""
        if self.word != GO:
            return Standing.NO_GO
        left = self.at + GO_SECONDS - now
        if left <= 0:
            return Standing.LAPSED
        return Standing.LAPSING if left <= WARNING_SECONDS else Standing.GO

    def lost_at(self, now: float) -> float | None:
        """When the last GO was lost, by a NO-GO or by its age; None where it holds at `now`, or
        where there never was one."""
        if self.go_at is None:
            return None
        ends = self.go_at + GO_SECONDS
        if self.word != GO:
            return min(self.at, ends)
        return ends if now >= ends else None

    def warning(self, now: float) -> str:
        """What a person should know of it at `now`, "" for nothing."""
        standing, command = self.standing(now), "scripts/validate_report.py makes a new report"
        if standing is Standing.LAPSING:
            days = (self.at + GO_SECONDS - now) / DAY_SECONDS
            return f"the GO of {self.exchange} lapses in {days:.1f} days: {command}"
        if standing is Standing.LAPSED:
            ended = datetime.fromtimestamp(self.at + GO_SECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return f"the GO of {self.exchange} lapsed at {ended}: {command}"
        return ""
