"""Who is expected: the symbols that must be compared, and from when on.

# Facts
- The exchange's own list says which contracts trade. One that does not trade may have a price that
  stands still, no next settlement, or no row at all on either side.
- Each comparison of everything has a row for every symbol that either side has. A symbol without a
  row was on neither side, and its first row shows its listing.
- A delisted contract keeps its price for weeks, with a next settlement of 0. Once REST has dropped
  it, every comparison has a row with our old price alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from validation.read.calendar import HOUR_SECONDS
from validation.read.contracts import Contracts
from validation.read.period import Period
from validation.read.series import ENOUGH_PAIRS
from validation.read.state import Quotes
from validation.read.tally import Tally
from validation.rules import LARGEST_MAJORS, MAJORS, MARK, Status

EXCHANGE = "binance"
"""Whose names the table of majors holds."""
FEW_SHARE = 0.12
"""Of the symbols known: more are not listed in one day, nor delisted. The exchange's own list may
name any number that do not trade."""
ENDED_SECONDS = 180
"""The last quote of a delisted contract may be this much newer than REST's first silence."""
STILL_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Roster:
    """All symbols known, by what is asked of them; hours count from the first comparison."""

    known: frozenset[str]  # on either side, in the period or now, or trading
    expected: frozenset[str]  # must be compared in each hour since their listing
    listed: Mapping[str, int]  # those expected that came in the period, and in which hour
    majors: frozenset[str]  # those expected that nothing excuses
    excused: Mapping[str, str]  # all others, and their status


def roster_of(
    exchange: str, period: Period, tally: Tally, quotes: Quotes, contracts: Contracts
) -> Roster:
    """The roster; where the exchange's list is not known, what can be seen decides."""
    series = tally.series[MARK]
    known = set(quotes.rows).union(*tally.series.values()) | contracts.trading
    majors = set(MAJORS & known | LARGEST_MAJORS) if exchange == EXCHANGE and known else set()
    if contracts.listed:
        excused = {s: contracts.status(s) for s in known}
        excused = {s: status for s, status in excused.items() if status != Status.TRADING}
    else:
        excused = dict.fromkeys(_ended(period, tally, quotes), "ended")
        excused = excused if len(excused) <= FEW_SHARE * len(known) else {}
    excused = {symbol: status for symbol, status in excused.items() if symbol not in majors}
    known |= majors
    listed = {
        symbol: int((series[symbol].first_at - period.first) / HOUR_SECONDS)
        for symbol in series.keys() - excused.keys() - majors
        if series[symbol].first_at >= period.first + HOUR_SECONDS
    }
    if len(listed) > FEW_SHARE * len(known):
        listed = {}
    expected = frozenset(known - excused.keys())
    return Roster(frozenset(known), expected, listed, frozenset(majors), excused)


def _ended(period: Period, tally: Tally, quotes: Quotes) -> Iterator[str]:
    """Symbols that REST has dropped and the stream does not send, and those without a next
    settlement whose price stands still on both sides."""
    last = period.until - 2 * ENDED_SECONDS
    for symbol, series in tally.series[MARK].items():
        quote = quotes.rows.get(symbol)
        if quote is None:
            continue
        gone = series.ended_at_rest and quote.at <= min(series.rest_ended_at, last) + ENDED_SECONDS
        still = series.pairs >= ENOUGH_PAIRS and series.moved_at < period.last - STILL_SECONDS
        if gone or (still and not quote.settles):
            yield symbol
