"""What counts as a difference, and what may excuse one: two values in, a judgement out.

Differences are absolute, in percent: of REST's price, or of max(|REST's rate|, 0.0001), since
rates pass through zero. `ours` is the stream's value, `theirs` is REST's.
"""

import math
from enum import StrEnum


class Field(StrEnum):
    """The values that are compared."""

    MARK = "mark_price"
    RATE = "funding_rate"


class Outcome(StrEnum):
    """What a comparison is called."""

    MATCH = "match"
    MISMATCH = "mismatch"
    SIGNIFICANT = "significant"


class Excuse(StrEnum):
    """Why a significant difference may not be an error."""

    LAG = "lag"
    CLAIMED = "claimed"


MARK, RATE = Field.MARK, Field.RATE
FIELDS = tuple(Field)
OUTCOMES = tuple(Outcome)

LARGEST_PCT = 1e6
"""An infinite difference counts as this one."""
MATCH_PCT = 0.1
SIGNIFICANT_PCT = 1.0
SMALLEST_RATE = 0.0001
SAME_RATE = 1e-7
"""Rates closer than this are the same: the exchange sends eight decimals."""

ALIGNED_MS = 1_000
"""Readings further apart also differ by lag; the stream ticks once a second."""
SAME_TICK_MS = 5
"""Readings this close belong to one tick: event times of one tick vary by up to 2 ms."""
SAME_PRICE_PCT = 1e-6
"""Far below the last decimal that is sent: prices of one tick are equal or wrong."""

LAG_PCT_PER_SECOND = 2.0
LAG_MOST_PCT = 10.0
"""Lag excuses no more than the wildest market moves in that time."""

HOUR_MS = 3_600_000
SETTLING_MS = 10_000
"""After a whole hour, REST and the stream need not begin the next funding interval at one instant.
An assumption, and a narrow one: rates have some 3,590 other seconds to be compared in."""

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


def may_span_settlement(rest_time: object, skew_ms: object) -> bool:
    """Whether two readings of a rate may belong to two funding intervals: a whole hour lies between
    them, or has just begun. `rest_time` is the time of REST's reading in epoch ms; without it the
    answer is no."""
    if not isinstance(rest_time, int):
        return False
    ours = rest_time + skew_ms if isinstance(skew_ms, int) else rest_time
    earlier, later = min(rest_time, ours), max(rest_time, ours)
    return earlier // HOUR_MS != later // HOUR_MS or earlier % HOUR_MS < SETTLING_MS


def excuse(field: str, difference: float, skew_ms: int | None, claimed: object) -> Excuse | None:
    """What may account for a significant difference, if anything.

    Readings of one tick cannot differ, whatever the column `explained` claims. Only the writer
    knows whether REST's value lay between two of ours: a claim, so the criteria ration it.
    """
    if skew_ms is None:
        return None
    apart = abs(skew_ms)
    if apart > ALIGNED_MS:
        most = min(LAG_MOST_PCT, LAG_PCT_PER_SECOND * apart / 1000)
        # A rate has no such bound: it may turn at any time.
        return Excuse.LAG if field == RATE or difference <= most else None
    return Excuse.CLAIMED if claimed == 1 and apart > SAME_TICK_MS else None
