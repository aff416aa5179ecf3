"""The verdict: facts in, one line per criterion out. GO means that all of them pass.

Besides the criteria that were asked for, there are others, because a sabotaged run, or a wrong
service, passed without them.
"""

from collections.abc import Callable

from validation.criteria import agreement, coverage, plausible, service, timing
from validation.criteria.coverage import compared_symbols
from validation.criteria.criterion import Criterion, named
from validation.read.audit import EventKind
from validation.read.facts import Facts
from validation.read.listings import delisted

LISTED = 500
"""The exchange lists at least so many symbols: FUNDING_MIN_SYMBOLS may be set lower."""

CRITERIA: tuple[Callable[[Facts], Criterion], ...] = (
    *coverage.CRITERIA,
    *agreement.CRITERIA,
    *timing.CRITERIA,
    *plausible.CRITERIA,
    *service.CRITERIA,
)
NOTEWORTHY = (
    EventKind.RESTART, EventKind.REPLACED, EventKind.CLASS_SILENT, EventKind.CONTROL_MISSED,
)  # fmt: skip


def judge(facts: Facts) -> list[Criterion]:
    """Every criterion, in the order of the report."""
    return [criterion(facts) for criterion in CRITERIA]


def warnings(facts: Facts) -> list[str]:
    """Findings that do not forbid a GO, but should be read."""
    tally, audit, hours = facts.tally, facts.audit, facts.period.hours
    compared, planted = len(compared_symbols(facts)), tally.planted.planted
    claimed, at_settlement = tally.significant.claimed, tally.significant.at_settlement
    others, gone, feed = facts.foreign_rows.others, delisted(facts), facts.quotes.feed
    untimed, no_skew = tally.without_rest_time, tally.skews.unknown
    found: list[tuple[object, str]] = [
        (not planted, "no control was planted: nobody has tested the comparison itself"),
        (0 < planted < hours // 2, f"{planted} controls in {hours} h: one an hour is planted"),
        (compared < LISTED, f"only {compared} symbols compared: the exchange lists over {LISTED}"),
        (untimed, f"{untimed:,} comparisons without the time of REST's reply"),
        (no_skew, f"{no_skew:,} comparisons without skew: they do not count as aligned"),
        (claimed, f"{claimed} aligned difference(s) explained as lag by a claim: look at them"),
        (at_settlement, f"{at_settlement:,} rates differ at a whole hour: not judged"),
        (gone, f"no longer on either side, and their last quotes are old: {named(gone)}"),
        (feed and feed.stand_in, "the stream came from this machine: a stand-in, not the exchange"),
        (others, f"{others:,} rows of other exchanges ignored"),
    ]
    found += [(audit.count(k), f"{audit.count(k)} × {k} in the audit trail") for k in NOTEWORTHY]
    return [text for applies, text in found if applies]
