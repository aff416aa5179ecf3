"""How far two values of one field are apart, and what that difference is called."""

import enum
import math

MATCH_PCT = 0.1
SIGNIFICANT_PCT = 1.0
ROUNDING_PCT = 1e-10
"""What binary fractions add to a difference that is on a limit in decimals, 0.1001 to 0.1 say."""
SAME_RATE = 1e-7
"""Funding rates closer than this are identical; the exchange sends eight decimals. It is
MATCH_PCT of SMALLEST_RATE, so identical rates match."""
SMALLEST_RATE = 0.0001
"""Rates pass through zero: a percentage is taken of at least this, the usual base rate."""


class Field(enum.StrEnum):
    """The compared fields of a quote."""

    MARK_PRICE = "mark_price"
    FUNDING_RATE = "funding_rate"
    INDEX_PRICE = "index_price"


class Outcome(enum.StrEnum):
    """What a difference is called: up to MATCH_PCT, up to SIGNIFICANT_PCT, and above."""

    MATCH = "match"
    MISMATCH = "mismatch"
    SIGNIFICANT = "significant"


def difference_pct(field: Field, ours: float | None, theirs: float | None) -> float | None:
    """How far `ours` is from REST's, in percent of REST's price or of max(|REST's rate|, 0.0001).

    None where one of the two is missing, infinite where REST's price is 0 and ours is not.
    """
    if ours is None or theirs is None:
        return None
    if ours == theirs:
        return 0.0
    base = max(abs(theirs), SMALLEST_RATE) if field == Field.FUNDING_RATE else abs(theirs)
    return (ours - theirs) / base * 100 if base else math.copysign(math.inf, ours)


def outcome(field: Field, ours: float | None, theirs: float | None) -> Outcome:
    """The outcome of comparing the two. Two missing values match; one is a mismatch."""
    if ours is None and theirs is None:
        return Outcome.MATCH
    difference = difference_pct(field, ours, theirs)
    if difference is None:
        return Outcome.MISMATCH
    if abs(difference) <= MATCH_PCT + ROUNDING_PCT:
        return Outcome.MATCH
    # NaN compares false, so a value that is not a number is significant.
    small = abs(difference) <= SIGNIFICANT_PCT + ROUNDING_PCT
    return Outcome.MISMATCH if small else Outcome.SIGNIFICANT
