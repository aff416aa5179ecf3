"""The verdict: facts in, one line per criterion out. GO is what none of them fails.

Those that were asked for are here with others that exist because a run that was sabotaged, or a
service that was wrong, passed without them.
"""

from collections.abc import Callable

from validation.criteria import agreement, coverage, plausible, service, timing
from validation.criteria.coverage import compared_symbols
from validation.criteria.criterion import Criterion, named
from validation.read.facts import Facts
from validation.read.listings import departed

LISTED = 500
"""Symbols, at least, that the exchange lists: FUNDING_MIN_SYMBOLS may be set lower."""

CRITERIA: tuple[Callable[[Facts], Criterion], ...] = (
    *coverage.CRITERIA,
    *agreement.CRITERIA,
    *timing.CRITERIA,
    *plausible.CRITERIA,
    *service.CRITERIA,
)


def judge(facts: Facts) -> list[Criterion]:
    """Every criterion, in the order of the report."""
    return [criterion(facts) for criterion in CRITERIA]


def warnings(facts: Facts) -> list[str]:
    """What forbids nothing, but should be read."""
    tally, planted = facts.tally, facts.tally.controls.planted
    hours, compared = facts.period.hours, len(compared_symbols(facts))
    gone, feed = departed(facts), facts.quotes.feed
    said: list[tuple[bool, str]] = [
        (not planted, "no control was planted: nobody has tested the comparison itself"),
        (0 < planted < hours // 2, f"{planted} controls in {hours} h: one an hour is planted"),
        (
            compared < LISTED,
            f"only {compared} symbols were compared: the exchange lists over {LISTED}",
        ),
        (tally.untimed > 0, f"{tally.untimed:,} comparisons without the time of REST's reply"),
        (tally.skew_unknown > 0, f"{tally.skew_unknown:,} comparisons without skew: not aligned"),
        (tally.claimed > 0, f"{tally.claimed} aligned difference(s) believed to be lag: see them"),
        (tally.settling > 0, f"{tally.settling:,} rates differ at a whole hour: not judged"),
        (bool(gone), f"on neither side any longer, their last quotes are old: {named(gone)}"),
        (
            feed is not None and feed.stand_in,
            "the stream came from this machine: a stand-in, not the exchange",
        ),
        (facts.strays.others > 0, f"{facts.strays.others:,} rows of other exchanges ignored"),
    ]
    for kind in ("restart", "replaced", "class-silent", "control-missed"):
        many = facts.audit.many(kind)
        said.append((many > 0, f"{many} × {kind} in the audit trail"))
    return [text for wrong, text in said if wrong]
