"""The verdict: facts in, one line per criterion out. GO means that all of them pass.

GO means three things: the **values** are equal wherever both sides speak of one event time, the
**service** was there for those who asked, and the **state** at the end is right. The **evidence**
is whether enough was seen to say so.
"""

from collections.abc import Callable, Mapping

from validation.criteria import agreement, coverage, plausible, records, service, state
from validation.criteria.coverage import compared_symbols
from validation.criteria.criterion import Criterion, Group, duration, named
from validation.read.facts import Facts
from validation.read.incidents import EventKind
from validation.read.roster import OLD_LIST_SECONDS
from validation.rules import INDEX, Status

CRITERIA: Mapping[Group, tuple[Callable[[Facts], Criterion], ...]] = {
    Group.VALUES: (*agreement.CRITERIA, *plausible.CRITERIA),
    Group.SERVICE: service.CRITERIA,
    Group.STATE: state.CRITERIA,
    Group.EVIDENCE: (*coverage.CRITERIA, *records.CRITERIA),
}
NOTEWORTHY = (
    EventKind.RESTART, EventKind.REPLACED, EventKind.CLASS_SILENT, EventKind.CONTROL_MISSED,
    EventKind.LAG, EventKind.LOCKED, EventKind.CLOCK, EventKind.REST_PAUSE,
)  # fmt: skip


def judge(facts: Facts) -> list[tuple[Group, Criterion]]:
    """Every criterion, in the order of the report."""
    return [(group, criterion(facts)) for group, those in CRITERIA.items() for criterion in those]


def warnings(facts: Facts) -> list[str]:
    """Findings that do not forbid a GO, but should be read."""
    tally, audit, hours = facts.tally, facts.audit, facts.period.hours
    compared, planted = len(compared_symbols(facts)), tally.planted.planted
    others, feed = facts.foreign_rows.others, facts.quotes.feed
    ill, most = coverage.rest_ill_seconds(facts), facts.market.listed
    untimed, no_skew = tally.without_rest_time, tally.skews.unknown
    found: list[tuple[object, str]] = [
        *_of_the_roster(facts),
        *_of_the_interval(facts),
        (ill, f"REST did not answer for {duration(ill)}: nothing was compared then"),
        (0 < planted < hours // 2, f"{planted} controls in {hours} h: one an hour is planted"),
        (compared < most, f"only {compared} symbols compared: the exchange lists over {most}"),
        (untimed, f"{untimed:,} comparisons without the time of REST's reply"),
        (no_skew, f"{no_skew:,} comparisons without skew: their event times are unknown"),
        (tally.just_settled, f"{tally.just_settled:,} rates differ at a whole hour: not judged"),
        (not tally.series[INDEX], "index prices were not compared: an older watchdog"),
        (feed and feed.stand_in, "the stream came from this machine: a stand-in, not the exchange"),
        (others, f"{others:,} rows of other exchanges ignored"),
    ]
    found += [
        (many, f"{program} crashed {many} times: it is not part of the service")
        for program, many in sorted(audit.other_crashes.items())
    ]
    found += [(audit.count(k), f"{audit.count(k)} × {k} in the audit trail") for k in NOTEWORTHY]
    return [text for applies, text in found if applies]


def _of_the_roster(facts: Facts) -> list[tuple[object, str]]:
    excused = facts.roster.excused
    unknown = {symbol for symbol, status in excused.items() if status == Status.UNKNOWN}
    others = excused.keys() - unknown
    age = facts.period.until - facts.contracts.checked_at
    old = facts.contracts.listed and age > OLD_LIST_SECONDS
    unlisted = (
        "the list of contracts is not known (table contract): who trades is judged by what"
        " was seen, and a symbol on one side only counts as missing"
    )
    return [
        (not facts.contracts.listed, unlisted),
        (old, f"the list of contracts is {duration(age)} old: who trades may have changed"),
        (unknown, f"compared, but not in the exchange's list of contracts: {named(unknown)}"),
        (others, f"known, but not trading, and not expected: {named(others)}"),
    ]


def _of_the_interval(facts: Facts) -> list[tuple[object, str]]:
    """What the interval between comparisons of all symbols cannot prove."""
    interval = facts.tally.interval
    if interval <= coverage.USUAL_INTERVAL:
        return []
    if interval > coverage.LONGEST_INTERVAL:
        return [(
            True,
            "all symbols are compared less than once an hour, or not at all: with such a"
            " FUNDING_COMPARE_ALL_INTERVAL no GO is possible",
        )]  # fmt: skip
    text = f"all symbols are compared every {duration(interval)} only: what lies between is proven"
    text += " by one symbol alone, and a settlement by comparisons within "
    return [(True, text + duration(coverage.witness_seconds(facts)))]
