"""Facts for one criterion at a time: what a database would have said, without one."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from validation.criteria.criterion import Criterion
from validation.exchanges import BINANCE
from validation.read.audit import Audit
from validation.read.availability import Availability
from validation.read.contracts import Contracts
from validation.read.facts import Facts
from validation.read.foreign_rows import ForeignRows
from validation.read.period import Period
from validation.read.roster import Roster
from validation.read.series import Series
from validation.read.spans import Span
from validation.read.state import Feed, Quotes, StoredQuote
from validation.read.tally import Tally
from validation.rules import MARK, RATE

BEGIN = 1_790_121_600.0
"""A settlement, Unix seconds."""
HOUR = 3_600.0
PERIOD = Period(
    since=BEGIN, until=BEGIN + 24 * HOUR, first=BEGIN, last=BEGIN + 24 * HOUR, gaps=[],
    longest_gap=0.0, unwatched=[], backwards=0, future=0, now=BEGIN + 24 * HOUR,
)  # fmt: skip


def symbols(many: int) -> list[str]:
    """The names of so many symbols."""
    return [f"S{number:03}" for number in range(many)]


def both_fields(names: Iterable[str], **values: Any) -> list[Series]:
    """A series of prices and one of rates of each symbol, with these values."""
    return [Series(name, field, **values) for name in names for field in (MARK, RATE)]


def facts_of(
    series: Iterable[Series],
    *,
    expected: Iterable[str] | None = None,
    majors: Iterable[str] = (),
    listed: dict[str, int] | None = None,
    minimum_symbols: int = 0,
    rows: int = 0,
    rest_pauses: Iterable[float] = (),
    rest_outages: Iterable[Span] = (),
    feed: Feed | None = None,
    **period: Any,
) -> Facts:
    """A day of `series`; all of their symbols are expected, and stored, unless said otherwise."""
    tally = Tally(BEGIN)
    for each in series:
        tally.series[each.field][each.symbol] = each
    tally.rows = rows
    seen = frozenset(each.symbol for each in tally.all_series())
    wanted = seen if expected is None else frozenset(expected)
    roster = Roster(seen | wanted, wanted, listed or {}, frozenset(majors), {})
    stored = {name: StoredQuote(1.0, 1.0, 0.0001, True, BEGIN) for name in seen}
    return Facts(
        BINANCE, replace(PERIOD, **period), tally,
        Audit(rest_pauses=list(rest_pauses), rest_outages=list(rest_outages)),
        Availability(), Quotes(feed, stored), {}, minimum_symbols, ForeignRows(0, 0, 0),
        Contracts({}), roster,
    )  # fmt: skip


def criterion(
    criteria: Iterable[Callable[[Facts], Criterion]], name: str, facts: Facts
) -> Criterion:
    """The criterion of that name, judged."""
    (found,) = (each for each in (judge(facts) for judge in criteria) if each.name == name)
    return found


def passes(criteria: Iterable[Callable[[Facts], Criterion]], name: str, facts: Facts) -> bool:
    """Whether `facts` pass the criterion of that name."""
    return criterion(criteria, name, facts).passed
