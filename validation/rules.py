"""Two values in, a judgement out: the report's own ruler.

Differences are absolute, in percent: of REST's price, or of max(|REST's rate|, 0.0001), since
rates pass through zero.
"""

import math
from typing import Literal

Outcome = Literal["match", "mismatch", "significant"]
Excuse = Literal["lag", "claimed", ""]

MARK, RATE = "mark_price", "funding_rate"
FIELDS = (MARK, RATE)

MOST_PCT = 1e6
"""What an infinite difference counts as."""
MATCH_PCT = 0.1
SIGNIFICANT_PCT = 1.0
SMALLEST_RATE = 0.0001
SAME_RATE = 1e-7
"""Rates closer than this are the same: the exchange sends eight decimals."""

ALIGNED_MS = 1_000
"""Readings further apart differ by lag, too; the stream ticks once a second."""
SAME_INSTANT_MS = 5
"""Readings this close are one tick: event times of one tick vary by up to 2 ms."""
SAME_PRICE_PCT = 1e-6
"""Far below the last decimal that is sent: prices of one tick are equal or wrong."""

LAG_PCT_PER_SECOND = 2.0
LAG_MOST_PCT = 10.0
"""Lag excuses no more than the wildest market moves in that time."""

HOUR_MS = 3_600_000
SETTLING_MS = 10_000
"""After a whole hour, in which REST and the stream need not begin the next funding interval at one
instant. An assumption, and a narrow one: rates have some 3,590 other seconds to be compared in."""

ROUNDING = 1e-9
"""Two ways to compute one difference part by less: on the very limit, both outcomes are right."""
STORED_PCT_TOLERANCE = 1e-4
"""Whoever stores a difference may round it to four decimals."""


def difference_pct(field: str, ours: float, theirs: float) -> float:
    """How far `ours` is from REST's value; infinite where REST's price is 0 and ours is not."""
    gap = abs(ours - theirs)
    if field == RATE:
        return gap / max(abs(theirs), SMALLEST_RATE) * 100
    if theirs == 0:
        return 0.0 if gap == 0 else math.inf
    return gap / abs(theirs) * 100


def outcome_of(difference: float) -> Outcome:
    """What a difference in percent is called."""
    if difference <= MATCH_PCT:
        return "match"
    return "significant" if difference > SIGNIFICANT_PCT else "mismatch"


def identical(field: str, ours: float, theirs: float, difference: float) -> bool:
    """Whether the two are one value, written twice."""
    if field == RATE:
        return abs(ours - theirs) < SAME_RATE
    return difference <= SAME_PRICE_PCT


def stored_agrees(difference: float, stored: object, stored_pct: object) -> bool:
    """Whether the stored outcome, and the stored difference if there is one, are the true ones."""
    if stored != outcome_of(difference):
        nearest = min(abs(difference - MATCH_PCT), abs(difference - SIGNIFICANT_PCT))
        if nearest > ROUNDING or stored not in ("match", "mismatch", "significant"):
            return False
    if stored_pct is None or difference == math.inf:
        return True
    if not isinstance(stored_pct, (int, float)):
        return False
    return abs(abs(stored_pct) - difference) <= STORED_PCT_TOLERANCE + difference * 1e-3


def settling(rest_time: object, skew_ms: object) -> bool:
    """Whether readings of a rate may be of two funding intervals: a whole hour lies between
    them, or has just begun. `rest_time` is the time of REST's, epoch ms; unknown it is none."""
    if not isinstance(rest_time, int):
        return False
    ours = rest_time + skew_ms if isinstance(skew_ms, int) else rest_time
    earlier, later = min(rest_time, ours), max(rest_time, ours)
    return earlier // HOUR_MS != later // HOUR_MS or earlier % HOUR_MS < SETTLING_MS


def excuse(field: str, difference: float, skew_ms: int | None, claimed: object) -> Excuse:
    """What may account for a significant difference, if anything.

    Readings of one tick cannot differ, whatever `explained` claims. Of readings further apart
    only the writer knows whether REST's value lay between two of ours: a claim, to be rationed.
    """
    if skew_ms is None:
        return ""
    apart = abs(skew_ms)
    if apart > ALIGNED_MS:
        most = min(LAG_MOST_PCT, LAG_PCT_PER_SECOND * apart / 1000)
        # A rate has no such bound: it may turn at any time.
        return "lag" if field == RATE or difference <= most else ""
    return "claimed" if claimed == 1 and apart > SAME_INSTANT_MS else ""
