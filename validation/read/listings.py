"""Symbols that came or went in the period: nobody can compare what neither side has yet, or has
any longer.

# Facts
- Each comparison of everything has a row for every symbol that either side has. A symbol without a
  row was on neither side, and its first row shows its listing.
- The service keeps the last quote of a delisted contract for ever, REST does not: from then on
  every comparison has a row with our old price alone.
"""

from collections.abc import Iterator

from validation.read.calendar import HOUR_SECONDS
from validation.read.facts import Facts
from validation.rules import MARK

LISTED_SHARE, DELISTED_SHARE = 0.06, 0.1
"""Of the symbols known; when more of them come or go, something else has happened."""
ENDED_SECONDS = 180
"""The last quote of a delisted contract may be this much newer than REST's first silence."""


def delisted(facts: Facts) -> dict[str, float]:
    """Symbols that both sides lack at the end, and since when (Unix seconds) REST does; none when
    they are too many. One that either side still has, or had again, is not among them."""
    found = dict(_ended(facts))
    return found if len(found) <= DELISTED_SHARE * len(facts.known) else {}


def _ended(facts: Facts) -> Iterator[tuple[str, float]]:
    for symbol, series in facts.tally.series[MARK].items():
        quoted = facts.quotes.times.get(symbol)
        latest = min(series.rest_ended_at, facts.period.until - 2 * ENDED_SECONDS) + ENDED_SECONDS
        if series.ended_at_rest and quoted is not None and quoted <= latest:
            yield symbol, series.rest_ended_at


def _listed(facts: Facts) -> dict[str, int]:
    """Symbols that were compared, but not from the first hour on, and since which hour."""
    late = {}
    for symbol, series in facts.tally.series[MARK].items():
        bits = series.compared_hours
        if bits and not bits & 1:
            late[symbol] = (bits & -bits).bit_length() - 1
    return late if len(late) <= LISTED_SHARE * len(facts.known) else {}


def absent_hours(facts: Facts) -> int:
    """Cells (symbol, hour) in which neither side can have been compared: whole hours before a
    symbol came, and all from the one in which it went."""
    hours, first = facts.period.hours, facts.period.first
    before = sum(min(hour, hours) for hour in _listed(facts).values())
    return before + sum(
        max(0, hours - max(0, int((at - first) / HOUR_SECONDS))) for at in delisted(facts).values()
    )
