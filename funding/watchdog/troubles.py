"""What is not well at a look, by subject, and since when. Pure.

A subject is an exchange, by its name, or the API. Its trouble begins with the first look that finds
one, or with the last frame where that was earlier, and ends when it was well for STEADY_SECONDS:
a feed that comes and goes is in one trouble.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from funding.health.checks import probe_problem
from funding.health.facts import Facts, OtherFeed
from funding.health.feed_checks import problem_of

API = "the API"
RECOVERY_SECONDS = 10.0
"""In an outage a frame may come now and then."""
STEADY_SECONDS = 60.0
"""What was well for so long has recovered: a trouble after that is another one."""


class Trouble(NamedTuple):
    """What is wrong with `subject` since Unix seconds, in words. It was well for `well` seconds in
    between."""

    subject: str
    since: float
    reason: str
    well: float = 0.0


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
    filled = [first] if first in wrong and facts.data.serves else []
    filled += [o.exchange for o in facts.others if o.exchange in wrong and _filled_in(o)]
    if filled:
        parts.append(f"quotes of {', '.join(filled)} are fresh, since REST stands in")
    if first in wrong and first not in filled:
        parts.append(f"FundingClient asks REST for {first}, unless its mode is websocket-only")
    if facts.port_probe is not None:
        parts.append(f"{API} {'does not answer' if API in wrong else 'answers'}")
    return "; ".join(parts)


def _filled_in(other: OtherFeed) -> bool:
    """Whether REST stands in for its stream, and brings what is needed."""
    standing_in = other.feed is not None and other.feed.standby_since is not None
    return standing_in and other.fresh >= other.min_symbols


class Troubles:
    """What was seen of each subject at the looks before. For one thread; times are uptime."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._well: dict[str, float] = {}
        self._well_before: dict[str, float] = {}
        self._reasons: dict[str, str] = {}

    def observe(self, facts: Facts, uptime: float) -> None:
        """Take a look at `uptime` (seconds since boot)."""
        ages = {facts.exchange: facts.last_frame_age}
        ages |= {other.exchange: other.last_frame_age for other in facts.others}
        for subject, problem in problems(facts).items():
            if problem:
                began = uptime - (ages.get(subject) or 0.0)
                if subject not in self._began:
                    self._began[subject] = min(began, uptime)
                    self._well.pop(subject, None)
                self._reasons[subject] = problem
                if subject in self._well:
                    lasted = max(0.0, min(began, uptime) - self._well.pop(subject))
                    before = self._well_before.get(subject, 0.0)
                    self._well_before[subject] = before + lasted
            else:
                self._well.setdefault(subject, uptime)
                if uptime - self._well[subject] >= STEADY_SECONDS:
                    self._began.pop(subject, None)
                    self._well_before.pop(subject, None)

    def present(self, now: float, uptime: float) -> list[Trouble]:
        """What the last look found in trouble, at `now` (Unix seconds), which is `uptime` since
        boot."""
        found = []
        for subject, began in sorted(self._began.items()):
            if subject not in self._well:
                reason, well = self._reasons[subject], self._well_before.get(subject, 0.0)
                if well:
                    reason += f" (it comes and goes: well for {in_words(well)} in between)"
                found.append(Trouble(subject, now - (uptime - began), reason, well))
        return found

    def well_seconds(self, uptime: float) -> Mapping[str, float]:
        """For how long each subject has been well whose trouble seems to be over."""
        return {
            subject: uptime - since
            for subject, since in self._well.items()
            if subject not in self._began or uptime - since >= RECOVERY_SECONDS
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
