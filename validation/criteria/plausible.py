"""Values: whether what both sides say can be true. Two sides with the same fault agree perfectly.

# Facts
(a recorded premiumIndex reply of 521 symbols, and a year of settled rates of 36)
- Many rates stand at a base rate for days: 36 % of the reply's are 0.00005, 16 % 0.0001, 10 % 0. On
  the calmest day of the year 61 % of the settled rates were one value, and 6 % were not at a base.
- On every day of that year at least 78 % of the settled rates were 0.001 % or more, either sign,
  and at most 10 % above 0.2 %.
- Prices of every traded contract have eight decimals and move within minutes. Those of delisted
  contracts, 51 of 745 in 2026, and of metals and shares on a weekend, 217 of 962, need not.
"""

from collections import Counter
from collections.abc import Iterator

from validation.criteria.coverage import few_pairs
from validation.criteria.criterion import Criterion, forbid, named, percent
from validation.read.facts import Facts
from validation.read.series import ENOUGH_PAIRS, Series
from validation.rules import INDEX, MARK, RATE, Field, far_from_index

STILL_SHARE_UNLISTED = 0.3
"""Of the prices that must move, where nothing tells which contracts trade."""
MOVING_SHARE = {MARK: 0.9, RATE: 0.01}
MOVING_SHARE_UNLISTED = 0.6
STILL_HOURS = 2
ONE_VALUE_SHARE = 0.9
SMALL_SHARE, LARGE_SHARE = 0.5, 0.5
FAR_SHARE = 0.005
JUMPING = 2
"""So many prices may jump by half in a day of real trading."""


def _bits(number: int) -> Iterator[int]:
    """The places of the bits that are set: few, though a period may have a million hours."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _lively(facts: Facts, field: Field) -> list[Series]:
    """The series of the symbols that trade day and night, as far as that is known."""
    contracts, expected = facts.contracts, facts.roster.expected
    return [
        series
        for symbol, series in facts.tally.series[field].items()
        if symbol in expected
        and series.pairs
        and (contracts.never_closes(symbol) or not contracts.listed)
    ]


def still_hours(facts: Facts, field: Field) -> int:
    """The most hours in a row in which too few of the symbols compared took another value; hours
    without a comparison do not count."""
    series = _lively(facts, field)
    compared = Counter(hour for each in series for hour in _bits(each.compared_hours))
    moving = Counter(hour for each in series for hour in _bits(each.moving_hours))
    share = MOVING_SHARE[field]
    if field is MARK:
        share = min(share, 1 - facts.market.still_share)
    if field is MARK and not facts.contracts.listed:
        share = MOVING_SHARE_UNLISTED
    longest = still = 0
    for hour in range(facts.period.hours):
        if not compared[hour]:
            continue
        enough = moving[hour] > 0 and moving[hour] >= share * compared[hour]
        still = 0 if enough else still + 1
        longest = max(longest, still)
    return longest


def _one_value_share(facts: Facts, field: Field) -> float:
    """The share of the symbols that have the most frequent value in the end."""
    last = Counter(each.last_rest for each in facts.tally.series[field].values() if each.pairs)
    return max(last.values(), default=0) / max(1, last.total())


def _prices_move(facts: Facts) -> Criterion:
    judged = [each for each in _lively(facts, MARK) if each.pairs >= ENOUGH_PAIRS]
    never = {each.symbol for each in judged if not each.moves}
    majors = {
        each.symbol
        for each in judged
        if each.symbol in facts.roster.majors
        and (each.compared_hours & ~each.moving_hours).bit_count() > STILL_HOURS
    }
    still, share = still_hours(facts, MARK), _one_value_share(facts, MARK)
    most = facts.market.still_share if facts.contracts.listed else STILL_SHARE_UNLISTED
    figure = f"never: {named(never)} of {len(judged):,}; majors still: {named(majors)};"
    figure += f" still for {still} h; {percent(share)} alike"
    fine = len(never) <= most * len(judged) and not majors
    fine = fine and still <= STILL_HOURS and share <= ONE_VALUE_SHARE
    wanted = f"{percent(most)}; none; {STILL_HOURS} h; at most 90 %"
    too_early = fine and few_pairs(facts)
    return Criterion("prices move", figure, wanted, fine and bool(judged), too_early)


def _prices(facts: Facts) -> Criterion:
    """A price in another unit on both sides leaps, or is far from its index."""
    every, expected = facts.tally.series, facts.roster.expected
    leaping = {series.symbol for series in facts.expected if series.leaps}
    jumping = {series.symbol for series in facts.expected if series.jumps}
    leaping |= jumping if len(jumping) > max(JUMPING, FAR_SHARE * len(expected)) else set()
    far = {
        symbol
        for symbol, index in every[INDEX].items()
        if symbol in expected and (mark := every[MARK].get(symbol)) is not None
        and mark.last_rest is not None and index.last_rest is not None
        and far_from_index(mark.last_rest, index.last_rest)
    }  # fmt: skip
    none = facts.tally.no_prices
    figure = f"{none:,} of zero or less; leaping: {named(leaping)}; far from index: {named(far)}"
    passed = not none and not leaping and len(far) <= int(FAR_SHARE * len(expected))
    passed = passed and not far & facts.roster.majors
    return Criterion("prices can be true", figure, "none", passed)


def _rates(facts: Facts) -> Criterion:
    """A rate in percent is a hundred times too large; one divided by 100 again is too small."""
    tally = facts.tally
    total = max(1, tally.everything[RATE].many)
    large, small = tally.large_rates / total, tally.small_rates / total
    still, share = still_hours(facts, RATE), _one_value_share(facts, RATE)
    figure = f"still for {still} h; {percent(share)} alike; {percent(large)} above the usual,"
    figure += f" {percent(small)} below"
    passed = still <= STILL_HOURS and 0 < share <= ONE_VALUE_SHARE
    passed = passed and large <= LARGE_SHARE and small <= SMALL_SHARE
    return Criterion("rates can be true", figure, "2 h; at most 90 %; at most half", passed)


def _foreign(facts: Facts) -> Criterion:
    known = facts.roster.known
    return forbid("symbols of another exchange", set(filter(facts.market.foreign.fullmatch, known)))


CRITERIA = (_prices_move, _prices, _rates, _foreign)
