"""Whether what both sides say can be true: two sides with the same fault agree perfectly.

# Facts
(a recorded premiumIndex reply of 521 symbols, and a year of settled rates of 36)
- Many rates stand at a base rate for days: 36 % of the reply's are 0.00005, 16 % 0.0001, 10 % 0. On
  the calmest day of the year 61 % of the settled rates were one value, and 6 % were not at a base.
- On every day of that year at least 78 % of the settled rates were 0.001 % or more, either sign,
  and at most 10 % above 0.2 %.
- Prices of every traded contract have eight decimals and move within minutes. Those of delisted
  contracts, 51 of 745 in 2026, and of metals and shares on a weekend, 217 of 962, need not.
"""

import re
from collections import Counter
from collections.abc import Iterator

from validation.criteria.criterion import Criterion, forbid, named, percent
from validation.read.facts import Facts
from validation.read.series import ENOUGH_PAIRS
from validation.rules import MARK, RATE, Field

FROZEN_RUN = 5
MOVING_SHARE = {MARK: 0.5, RATE: 0.01}
STILL_HOURS = 2
ONE_VALUE_SHARE = 0.9
SMALL_SHARE, LARGE_SHARE = 0.5, 0.5
COIN_MARGINED = re.compile(r".*USD_(PERP|[0-9]{6})", re.DOTALL)


def _frozen(facts: Facts) -> Criterion:
    every = list(facts.tally.all_series())
    ours = {series.symbol for series in every if series.frozen_ws.longest >= FROZEN_RUN}
    theirs = {series.symbol for series in every if series.frozen_rest.longest >= FROZEN_RUN}
    figure = f"stream {named(ours)}; REST {named(theirs)}"
    return Criterion("one side frozen", figure, "none", not ours and not theirs)


def _bits(number: int) -> Iterator[int]:
    """The places of the bits that are set: few, though a period may have a million hours."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def still_hours(facts: Facts, field: Field) -> int:
    """The most hours in a row in which too few of the symbols compared took another value."""
    paired = [series for series in facts.tally.series[field].values() if series.pairs]
    compared = Counter(hour for series in paired for hour in _bits(series.compared_hours))
    moving = Counter(hour for series in paired for hour in _bits(series.moving_hours))
    longest = still = 0
    for hour in range(facts.period.hours):
        enough = moving[hour] > 0 and moving[hour] >= MOVING_SHARE[field] * compared[hour]
        still = 0 if enough else still + 1
        longest = max(longest, still)
    return longest


def _one_value_share(facts: Facts, field: Field) -> float:
    """The share of the symbols that have the most frequent value in the end."""
    last = Counter(each.last_rest for each in facts.tally.series[field].values() if each.pairs)
    return max(last.values(), default=0) / max(1, last.total())


def _prices_move(facts: Facts) -> Criterion:
    judged = [each for each in facts.tally.series[MARK].values() if each.pairs >= ENOUGH_PAIRS]
    moving = sum(series.moves * 5 >= series.pairs for series in judged)
    still, share = still_hours(facts, MARK), _one_value_share(facts, MARK)
    figure = f"{moving:,} of {len(judged):,} symbols; still for {still} h; {percent(share)} alike"
    passed = bool(judged) and moving * 2 >= len(judged) and still <= STILL_HOURS
    wanted = f"at least half; {STILL_HOURS} h; at most 90 %"
    return Criterion("prices move", figure, wanted, passed and share <= ONE_VALUE_SHARE)


def _rates_move(facts: Facts) -> Criterion:
    still, share = still_hours(facts, RATE), _one_value_share(facts, RATE)
    figure = f"still for {still} h; {percent(share)} of symbols at one value"
    passed = still <= STILL_HOURS and 0 < share <= ONE_VALUE_SHARE
    return Criterion("rates move", figure, f"{STILL_HOURS} h; at most 90 %", passed)


def _positive(facts: Facts) -> Criterion:
    return forbid("prices of zero or less", facts.tally.no_prices)


def _units(facts: Facts) -> Criterion:
    """A rate in percent is a hundred times too large; one divided by 100 again is too small."""
    tally = facts.tally
    total = max(1, tally.everything[RATE].many)
    large, small = tally.large_rates / total, tally.small_rates / total
    figure = f"{percent(large)} of rates above 0.2 %, {percent(small)} below 0.001 %"
    passed = large <= LARGE_SHARE and small <= SMALL_SHARE
    return Criterion("units of rates", figure, "at most half", passed)


def _coin_margined(facts: Facts) -> Criterion:
    return forbid("COIN-M symbols", set(filter(COIN_MARGINED.fullmatch, facts.known)))


CRITERIA = (_frozen, _prices_move, _rates_move, _positive, _units, _coin_margined)
