"""What is not well at a look, by subject, and since when. Pure.

A subject is an exchange, by its name, or the API. It is in trouble from the first look that finds
it so, or from the last frame where that was earlier, and until it was well for RECOVERY_SECONDS.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from funding.health.checks import probe_problem
from funding.health.facts import Facts
from funding.health.feed_checks import problem_of

API = "the API"
RECOVERY_SECONDS = 10.0
"""In an outage a frame may come now and then."""


class Trouble(NamedTuple):
    """What is wrong with `subject` since Unix seconds, in words."""

    subject: str
    since: float
    reason: str


def problems(facts: Facts) -> dict[str, str]:
    """What is wrong with each subject, "" for nothing."""
    data = facts.data
    found = {facts.exchange: facts.store_problem or "; ".join(data.reasons)}
    for other in facts.others:
        found[other.exchange] = "" if facts.store_problem else problem_of(other, facts.locked_by)[1]
    if facts.port_probe is not None:
        found[API] = probe_problem(facts.port_probe)
    return found


def still_works(facts: Facts) -> str:
    """What a script still gets, in words."""
    first = facts.exchange
    wrong = {subject for subject, problem in problems(facts).items() if problem}
    fresh = [name for name in (first, *(o.exchange for o in facts.others)) if name not in wrong]
    parts = [f"quotes of {', '.join(fresh)} are fresh"] if fresh else []
    if first in wrong and facts.data.serves:
        parts.append(f"quotes of {first} are fresh, since REST stands in")
    elif first in wrong:
        parts.append(f"FundingClient asks REST for {first}, unless its mode is websocket-only")
    if facts.port_probe is not None:
        parts.append(f"{API} {'does not answer' if API in wrong else 'answers'}")
    return "; ".join(parts)


class Troubles:
    """What was seen of each subject at the looks before. For one thread; times are uptime."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._well: dict[str, float] = {}
        self._reasons: dict[str, str] = {}

    def observe(self, facts: Facts, uptime: float) -> None:
        """Take a look at `uptime` (seconds since boot)."""
        ages = {facts.exchange: facts.last_frame_age}
        ages |= {other.exchange: other.last_frame_age for other in facts.others}
        for subject, problem in problems(facts).items():
            if problem:
                began = uptime - (ages.get(subject) or 0.0)
                self._began.setdefault(subject, min(began, uptime))
                self._reasons[subject] = problem
                self._well.pop(subject, None)
            else:
                self._well.setdefault(subject, uptime)
                if uptime - self._well[subject] >= RECOVERY_SECONDS:
                    self._began.pop(subject, None)

    def present(self, now: float, uptime: float) -> list[Trouble]:
        """What is in trouble at `now` (Unix seconds), which is `uptime` since boot."""
        return [
            Trouble(subject, now - (uptime - began), self._reasons[subject])
            for subject, began in sorted(self._began.items())
        ]

    def well_seconds(self, uptime: float) -> Mapping[str, float]:
        """For how long each other subject has been well."""
        return {
            subject: uptime - since
            for subject, since in self._well.items()
            if subject not in self._began
        }


def in_words(seconds: float) -> str:
    """A duration, for people."""
    if seconds < 100:
        return f"{max(0.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3_600:.1f} h"


def names(subjects: Iterable[str]) -> str:
    """`subjects` as a list in words."""
    *first, last = subjects
    return f"{', '.join(first)} and {last}" if first else last
