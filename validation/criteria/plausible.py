"""Whether what both sides say can be true: two that are wrong alike agree perfectly.

# Facts
(a recorded premiumIndex reply of 521 symbols, and a year of settled rates of 36)
- Many rates stand at a base rate for days: 36 % of the reply's are 0.00005, 16 % 0.0001, 10 % 0. On
  the calmest day of the year 61 % of the settled rates were one value, and 6 % were no base rate.
- On every day of that year at least 78 % of the settled rates were 0.001 % or more, either sign,
  and at most 10 % above 0.2 %.
- Prices of every traded contract have eight decimals and move within minutes. Those of delisted
  contracts, 51 of 745 in 2026, and of metals and shares on a weekend, 217 of 962, need not.
"""

import re
from collections import Counter
from collections.abc import Iterator

from validation.criteria.criterion import Criterion, named, percent
from validation.read.facts import Facts
from validation.rules import MARK, RATE

FROZEN_RUN = 5
MOVING_SHARE = {MARK: 0.5, RATE: 0.01}
STILL_HOURS = 2
ONE_VALUE_SHARE = 0.9
SMALL_SHARE, LARGE_SHARE = 0.5, 0.5
ENOUGH = 10  # comparisons of one symbol before a share of them says something
COIN_MARGINED = re.compile(r".*USD_(PERP|[0-9]{6})", re.DOTALL)


def _frozen(facts: Facts) -> Criterion:
    ours = {t.symbol for t in facts.tally.both() if t.still_ws_worst >= FROZEN_RUN}
    theirs = {t.symbol for t in facts.tally.both() if t.still_rest_worst >= FROZEN_RUN}
    figure = f"stream {named(ours)}; REST {named(theirs)}"
    return Criterion("one side frozen", figure, "none", not ours and not theirs)


def _bits(number: int) -> Iterator[int]:
    """The places of the bits that are set: few, though a period may have a million hours."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def still_hours(facts: Facts, field: str) -> int:
    """The most hours in a row in which too few of the symbols compared took another value."""
    tracks = [track for track in facts.tally.tracks[field].values() if track.pairs]
    compared = Counter(hour for track in tracks for hour in _bits(track.hours))
    moving = Counter(hour for track in tracks for hour in _bits(track.moving))
    longest = still = 0
    for hour in range(facts.period.hours):
        enough = moving[hour] > 0 and moving[hour] >= MOVING_SHARE[field] * compared[hour]
        still = 0 if enough else still + 1
        longest = max(longest, still)
    return longest


def _one_value(facts: Facts, field: str) -> float:
    """Which share of the symbols have the value in the end that most of them have."""
    last = Counter(t.last_rest for t in facts.tally.tracks[field].values() if t.pairs)
    return max(last.values(), default=0) / max(1, last.total())


def _prices_move(facts: Facts) -> Criterion:
    tracks = [t for t in facts.tally.tracks[MARK].values() if t.pairs >= ENOUGH]
    moving = sum(track.moved * 5 >= track.pairs for track in tracks)
    still = still_hours(facts, MARK)
    share = _one_value(facts, MARK)
    figure = f"{moving:,} of {len(tracks):,} symbols; still for {still} h; {percent(share)} alike"
    passed = bool(tracks) and moving * 2 >= len(tracks) and still <= STILL_HOURS
    wanted = f"at least half; {STILL_HOURS} h; at most 90 %"
    return Criterion("prices move", figure, wanted, passed and share <= ONE_VALUE_SHARE)


def _rates_move(facts: Facts) -> Criterion:
    still = still_hours(facts, RATE)
    share = _one_value(facts, RATE)
    figure = f"still for {still} h; {percent(share)} of symbols at one value"
    passed = still <= STILL_HOURS and 0 < share <= ONE_VALUE_SHARE
    return Criterion("rates move", figure, f"{STILL_HOURS} h; at most 90 %", passed)


def _positive(facts: Facts) -> Criterion:
    found = facts.tally.no_prices
    return Criterion("prices of zero or less", f"{found:,}", "none", not found)


def _units(facts: Facts) -> Criterion:
    """A rate in percent is a hundred times too large; one that was taken for percent, too small."""
    tally = facts.tally
    total = max(1, tally.everything[RATE].many)
    large, small = tally.large_rates / total, tally.small_rates / total
    figure = f"{percent(large)} of rates above 0.2 %, {percent(small)} below 0.001 %"
    passed = large <= LARGE_SHARE and small <= SMALL_SHARE
    return Criterion("units of rates", figure, "at most half", passed)


def _coin_margined(facts: Facts) -> Criterion:
    found = {symbol for symbol in facts.known if COIN_MARGINED.fullmatch(symbol)}
    return Criterion("COIN-M symbols", named(found), "none", not found)


CRITERIA = (
    _frozen, _prices_move, _rates_move, _positive, _units, _coin_margined,
)  # fmt: skip
