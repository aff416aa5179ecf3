"""Who is expected: the symbols that must be compared, and from when on.

# Facts
- The exchange's own list says which contracts trade. One that does not trade may have a price that
  stands still, no next settlement, or no row at all on either side.
- Each comparison of everything has a row for every symbol that either side has. A symbol without a
  row was on neither side, and its first row shows its listing.
- A contract that is announced (PENDING) may be in REST's reply, or in the stream, before it trades.
- A delisted contract keeps its price for weeks, with a next settlement of 0. Once REST has dropped
  it, every comparison has a row with our old price alone.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from validation.exchanges import Exchange
from validation.read.contracts import Contracts
from validation.read.period import Period
from validation.read.series import ENOUGH_PAIRS
from validation.read.state import Quotes
from validation.read.tally import Tally
from validation.rules import HOUR_SECONDS, MARK, Status

FEW_SHARE = 0.12
"""Of the symbols known: more are not listed in one day, nor delisted. The exchange's own list may
name any number that do not trade."""
MAJORS_SHARE = 0.5
"""Where fewer of the majors are known at all, this is another market than the table's."""
OLD_LIST_SECONDS = 7_200
"""The list is asked for every fifteen minutes. What an older one calls trading may have ended."""
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
    exchange: Exchange, period: Period, tally: Tally, quotes: Quotes, contracts: Contracts
) -> Roster:
    """The roster; where the exchange's list is not known, what can be seen decides."""
    known = set(quotes.rows).union(*tally.series.values()) | contracts.trading
    majors = _majors(exchange, known) if known else frozenset()
    excused: dict[str, str] = {}
    if period.until - contracts.checked_at > OLD_LIST_SECONDS:
        excused = dict.fromkeys(_ended(period, tally, quotes), "ended")
        excused = excused if len(excused) <= FEW_SHARE * len(known) else {}
    if contracts.listed:
        statuses = {symbol: contracts.status(symbol) for symbol in known}
        excused |= {s: status for s, status in statuses.items() if status != Status.TRADING}
    excused = {symbol: status for symbol, status in excused.items() if symbol not in majors}
    known |= majors
    listed = _listed(
        period, tally, contracts, known - excused.keys() - majors, FEW_SHARE * len(known)
    )
    expected = frozenset(known - excused.keys())
    return Roster(frozenset(known), expected, listed, frozenset(majors), excused)


def _majors(exchange: Exchange, known: Set[str]) -> Set[str]:
    """Those that must be there, even where nothing else knows of them."""
    majors = exchange.majors
    if len(majors & known) >= MAJORS_SHARE * len(majors):
        return majors
    return majors & known | exchange.largest


def _listed(
    period: Period, tally: Tally, contracts: Contracts, symbols: Set[str], most: float
) -> dict[str, int]:
    """The symbols that came in the period, and in which hour: when trading began, as the exchange
    says, or else the first comparison shows, of at most `most` symbols."""
    told = {s: at for s, at in contracts.listed_after(period.first).items() if s in symbols}
    series = tally.series[MARK]
    seen = {s: series[s].first_at for s in series.keys() & symbols - told.keys()}
    seen = {s: at for s, at in seen.items() if at >= period.first + HOUR_SECONDS}
    if len(seen) > most:
        seen = {}
    return {s: int((at - period.first) / HOUR_SECONDS) for s, at in {**told, **seen}.items()}


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
