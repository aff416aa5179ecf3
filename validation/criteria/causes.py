"""What fails several criteria at once, as a table: an outage of the stream is seen by five of them
and more. Pure.
"""

from collections.abc import Callable
from typing import NamedTuple

from validation.criteria import agreement, coverage
from validation.criteria.state import STALE_SECONDS
from validation.read.availability import Rule
from validation.read.facts import Facts
from validation.read.spans import Span, covered
from validation.rules import HOUR_SECONDS

DAY_SECONDS = coverage.SPAN_HOURS * HOUR_SECONDS
EVER = float("-inf"), float("inf")
NOW = frozenset({
    "feed", "quotes fresh", "prices as compared last", "marks near their index",
    "rates as compared last", "funding schedule impossible",
})  # fmt: skip
"""Criteria of the end of the period: they follow from what goes on then."""
LENGTH = frozenset({"span", "funding settlements"})
OUTAGE = NOW | LENGTH | {
    "fresh data", "connection", "lag", "more than lag can move", "watchdog there", "longest gap",
    "symbol × hour compared", "pairs of one event time", "programs that crashed",
    "programs that hung", "programs that stopped",
}  # fmt: skip


class Cause(NamedTuple):
    """`spans` says when it was at work, empty where it was not; the text has their seconds."""

    head: frozenset[str]  # one of them fails wherever the cause is at work
    criteria: frozenset[str]  # may follow from it
    spans: Callable[[Facts], list[Span]]
    text: str
    advice_of: str


def _nobody(facts: Facts) -> list[Span]:
    """When the watchdog was away, or compared nothing though the data was fresh and REST there."""
    known = [*facts.availability.spans.get(Rule.DATA, []), *_rest_ill(facts)]
    silent = [
        span for span in facts.period.unwatched if covered(known, span) * 2 < span[1] - span[0]
    ]
    return [*facts.availability.away, *silent]


def _no_data(facts: Facts) -> list[Span]:
    spans, feed = facts.availability.spans.get(Rule.DATA, []), facts.quotes.feed
    until = facts.period.until
    silent = feed is not None and until - feed.heartbeat_at > STALE_SECONDS
    return [*spans, (feed.heartbeat_at, until)] if feed is not None and silent else [*spans]


def _rest_ill(facts: Facts) -> list[Span]:
    return facts.audit.without_rest(facts.period.gaps)


def _differing(facts: Facts) -> list[Span]:
    """Where a value is wrong at one event time, lag is no excuse for it at others either."""
    every = list(facts.tally.all_series())
    wrong = {series.symbol for series in every if series.unequal}
    beyond = {series.symbol for series in every if series.beyond_lag > agreement.BEYOND_TIMES}
    return [EVER] if wrong and beyond <= wrong else []


def _missing(facts: Facts) -> list[Span]:
    """Where who is seldom compared is missing altogether, or on one side only."""
    sided = {series.symbol for series in agreement.one_sided(facts)}
    gone = (facts.roster.expected - coverage.compared_symbols(facts)) | sided
    cells = coverage.cells(facts).items()
    seldom = {symbol for symbol, (n, of) in cells if n < coverage.SELDOM_SHARE * of}
    return [EVER] if gone and seldom <= gone else []


def _short(facts: Facts) -> list[Span]:
    return [EVER] if facts.period.until - facts.period.since < DAY_SECONDS else []


def _young(facts: Facts) -> list[Span]:
    return [(facts.period.since, facts.period.first)]


CAUSES = (
    Cause(
        frozenset({"equal at one event time"}),
        frozenset({"equal at one event time", "more than lag can move"}), _differing,
        "the stream and REST say different things of one instant", "equal at one event time",
    ),
    Cause(
        frozenset({"watchdog there", "longest gap"}), OUTAGE | {"controls"}, _nobody,
        "nobody looked for {seconds}: the watchdog, or the whole group, did not run",
        "watchdog there",
    ),
    Cause(
        frozenset({"fresh data", "feed", "quotes fresh"}), OUTAGE, _no_data,
        "no fresh data for {seconds}: the stream was down", "fresh data",
    ),
    Cause(
        frozenset({"longest gap"}), LENGTH | {"longest gap", "symbol × hour compared"}, _rest_ill,
        "REST did not answer for {seconds}: nothing could be compared", "longest gap",
    ),
    Cause(
        frozenset({"symbols compared", "on one side only"}),
        frozenset({"symbols compared", "on one side only", "symbol × hour compared"}), _missing,
        "symbols that should be compared are missing", "symbols compared",
    ),
    Cause(frozenset({"span"}), LENGTH, _short,
           "the period is shorter than a day: it proves nothing, for or against",
           "shorter than a day"),
    Cause(frozenset({"span"}), LENGTH, _young, "no whole day has been compared yet", "span"),
)  # fmt: skip
