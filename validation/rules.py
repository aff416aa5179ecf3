"""What counts as a difference, and what may excuse one: two values in, a judgement out.

Differences are absolute, in percent: of REST's price, or of max(|REST's rate|, 0.0001), since
rates pass through zero. `ours` is the stream's value, `theirs` is REST's.

# Facts
(recorded `premiumIndex` replies of 2026-07, and a year of settled rates)
- A reading names the tick that it belongs to: REST's `time` is the `E` of one tick of the stream.
  Readings of equal event times are one value, written twice. Ticks are a second apart, and all
  readings of other ticks may differ by whatever the market did between them.
- The mark of a trading contract was at most 6.3 % from its index, that of a dated one 1.7 %.
"""

import math
from enum import StrEnum


class Field(StrEnum):
    """The values that are compared."""

    MARK = "mark_price"
    RATE = "funding_rate"
    INDEX = "index_price"


class Outcome(StrEnum):
    """What a comparison is called."""

    MATCH = "match"
    MISMATCH = "mismatch"
    SIGNIFICANT = "significant"


class Status(StrEnum):
    """What the exchange says of a contract."""

    TRADING = "TRADING"
    UNKNOWN = "UNKNOWN"


MARK, RATE, INDEX = Field.MARK, Field.RATE, Field.INDEX
FIELDS = tuple(Field)
OUTCOMES = tuple(Outcome)

LARGEST_PCT = 1e6
"""An infinite difference counts as this one."""
MATCH_PCT = 0.1
SIGNIFICANT_PCT = 1.0
SMALLEST_RATE = 0.0001
SAME_RATE = 1e-7
"""Rates closer than this are the same: the exchange sends eight decimals."""
SAME_PRICE_PCT = 1e-6
"""Far below the last decimal that is sent: prices of one tick are equal or wrong."""

LAG_PCT_PER_SECOND = 2.0
LAG_MOST_PCT = 10.0
"""Lag accounts for no more than the wildest market moves in that time."""
OFF_RATE = 1e-5
"""Of a rate of eight hours: readings that no tick ties together may differ by this, or by a tenth,
since some exchanges tell rates once a minute."""
LATE_MS = 10_000
"""A reading that is so far from REST's is late, whatever it says."""

STALE_MS = 180_000
"""A stored quote that is so much older than REST's reading was stale: nobody could use it."""

HOUR_SECONDS = 3_600
HOUR_MS = HOUR_SECONDS * 1000
SETTLING_MS = 10_000
"""After a whole hour, REST and the stream need not begin the next funding interval at one instant.
An assumption, and a narrow one: rates have some 3,590 other seconds to be compared in."""

FAR_FROM_INDEX = 0.25
"""As a fraction: a mark this far from its index is of another unit, or one of the two is wrong."""
LEAP = 5.0
"""A price that is so many times the one before, or so small a part of it, did not move there."""

JUMP = 1.5
"""A price may do this, but not the prices of several symbols."""

ROUNDING = 1e-9
"""Two ways to compute one difference vary by less: at the very limit both outcomes are right."""
STORED_PCT_TOLERANCE = 1e-4
"""A stored difference may be rounded to four decimals."""


def difference_pct(field: str, ours: float, theirs: float) -> float:
    """How far `ours` is from REST's value; infinite where REST's price is 0 and ours is not."""
    gap = abs(ours - theirs)
    if field == RATE:
        return gap / max(abs(theirs), SMALLEST_RATE) * 100
    if theirs == 0:
        return 0.0 if gap == 0 else math.inf
    return gap / abs(theirs) * 100


def outcome_of(difference: float) -> Outcome:
    """The outcome of a difference in percent."""
    if difference <= MATCH_PCT:
        return Outcome.MATCH
    return Outcome.SIGNIFICANT if difference > SIGNIFICANT_PCT else Outcome.MISMATCH


def identical(field: str, ours: float, theirs: float, difference: float) -> bool:
    """Whether the two are one value, written twice."""
    if field == RATE:
        return abs(ours - theirs) < SAME_RATE
    return difference <= SAME_PRICE_PCT


def stored_agrees(difference: float, stored: object, stored_pct: object) -> bool:
    """Whether the stored outcome, and the stored difference if there is one, are correct."""
    if stored != outcome_of(difference):
        nearest = min(abs(difference - MATCH_PCT), abs(difference - SIGNIFICANT_PCT))
        if nearest > ROUNDING or stored not in OUTCOMES:
            return False
    if stored_pct is None or difference == math.inf:
        return True
    if not isinstance(stored_pct, (int, float)):
        return False
    return abs(abs(stored_pct) - difference) <= STORED_PCT_TOLERANCE + difference * 1e-3


def just_settled(rest_time: object) -> bool:
    """Whether REST's reading, in epoch ms, was made just after a whole hour."""
    return isinstance(rest_time, int) and rest_time % HOUR_MS < SETTLING_MS


def beyond_lag(field: str, difference: float, skew_ms: int) -> bool:
    """Whether a price differs by more than it can have moved between two readings. A rate has no
    such bound: it may turn at any time."""
    most = max(SIGNIFICANT_PCT, LAG_PCT_PER_SECOND * abs(skew_ms) / 1000)
    return field != RATE and difference > min(LAG_MOST_PCT, most)


def far_from_index(mark: float, index: float) -> bool:
    """Whether the two cannot be prices of one contract."""
    return index <= 0 or abs(mark / index - 1) > FAR_FROM_INDEX


def off(field: str, ours: float, theirs: float, rate_scale: float) -> bool:
    """Whether two readings, which need not be of one tick, are further apart than they mostly are:
    by more than a match."""
    if field == RATE:
        return abs(ours - theirs) > max(OFF_RATE * rate_scale, abs(theirs) / 10)
    return difference_pct(field, ours, theirs) > MATCH_PCT
