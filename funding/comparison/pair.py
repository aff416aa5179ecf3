"""Two values in, one comparison out; two markets in, many out."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from funding.exchanges.binance.rest import PremiumIndex
from funding.model.event import Event, EventKind
from funding.model.feed import StoredQuote

MATCH_PCT = 0.1
SIGNIFICANT_PCT = 1.0
ROUNDING_PCT = 1e-10
"""What binary fractions add to a difference that is on a limit in decimals, 0.1001 to 0.1 say."""
SAME_RATE = 1e-7
"""Funding rates closer than this are identical; the exchange sends eight decimals. It is
MATCH_PCT of SMALLEST_RATE, so identical rates match."""
SMALLEST_RATE = 0.0001
"""Rates pass through zero: a percentage is taken of at least this, the usual base rate."""
ALIGNED_MS = 1_000
"""Values whose times are further apart than one tick differ by lag, not by error."""
FIELDS = ("mark_price", "funding_rate")


class Comparison(NamedTuple):
    """One compared value: the columns of the table `comparison` (see schema.sql) in order."""

    compared_at: float
    source: str
    exchange: str
    symbol: str
    field: str
    ws_value: float | None
    rest_value: float | None
    difference_pct: float | None
    skew_ms: int | None
    outcome: str
    rest_time: int | None
    explained: int | None


def difference_pct(field: str, ours: float | None, theirs: float | None) -> float | None:
    """How far `ours` is from REST's, in percent of REST's price or of max(|REST's rate|, 0.0001).

    None where one of the two is missing, infinite where REST's price is 0 and ours is not.
    """
    if ours is None or theirs is None:
        return None
    if ours == theirs:
        return 0.0
    base = abs(theirs) if field == "mark_price" else max(abs(theirs), SMALLEST_RATE)
    return (ours - theirs) / base * 100 if base else math.copysign(math.inf, ours)


def outcome(field: str, ours: float | None, theirs: float | None) -> str:
    """`match`, `mismatch` or `significant`. Two missing values match; one does not."""
    if ours is None and theirs is None:
        return "match"
    difference = difference_pct(field, ours, theirs)
    if difference is None:
        return "mismatch"
    if abs(difference) <= MATCH_PCT + ROUNDING_PCT:
        return "match"
    # What is not a number is no small difference.
    return "mismatch" if abs(difference) <= SIGNIFICANT_PCT + ROUNDING_PCT else "significant"


class Pair(NamedTuple):
    """One symbol as REST has it, and as the store had it just before and just after asking."""

    rest: PremiumIndex | None
    before: StoredQuote | None
    after: StoredQuote | None

    @property
    def nearer(self) -> StoredQuote | None:
        """The reading whose event time is nearer to that of the reply."""
        if self.before is None or self.after is None or self.rest is None:
            return self.before or self.after
        asked = self.rest.time
        return min(self.before, self.after, key=lambda reading: abs(reading.event_time - asked))


def compare(pair: Pair, source: str, exchange: str, at: float) -> list[Comparison]:
    """Both fields of one symbol, compared at `at` Unix seconds by `source`.

    A symbol that one side does not have gives a row for each value of the other side; nothing
    is said of a funding rate that neither has, since only a symbol on both sides can agree there.
    """
    rest, ours = pair.rest, pair.nearer
    whole = rest is not None and ours is not None
    symbol = rest.symbol if rest is not None else ours.symbol if ours is not None else ""
    skew = ours.event_time - rest.time if ours is not None and rest is not None else None
    time = rest.time if rest is not None else None
    rows = []
    for field in FIELDS:
        mine = getattr(ours, field) if ours is not None else None
        theirs = getattr(rest, field) if rest is not None else None
        if not whole and mine is None and theirs is None:
            continue
        result = outcome(field, mine, theirs)
        lag = None if result == "match" else int(_explained(pair, field, skew))
        values = (symbol, field, mine, theirs, difference_pct(field, mine, theirs))
        rows.append(Comparison(at, source, exchange, *values, skew, result, time, lag))
    return rows


def _explained(pair: Pair, field: str, skew: int | None) -> bool:
    """Whether lag accounts for the difference: REST's value is of another moment, or lies between
    the two readings around it."""
    if skew is None:
        return False
    if abs(skew) > ALIGNED_MS:
        return True
    theirs = getattr(pair.rest, field)
    ends = [getattr(reading, field) for reading in (pair.before, pair.after) if reading]
    if theirs is None or None in ends:
        return False
    return bool(min(ends) <= theirs <= max(ends))


def compare_all(
    before: Iterable[StoredQuote],
    replies: Iterable[PremiumIndex],
    after: Iterable[StoredQuote],
    *,
    source: str,
    exchange: str,
    at: float,
) -> list[Comparison]:
    """Every symbol that either side has, by symbol."""
    earlier = {reading.symbol: reading for reading in before}
    later = {reading.symbol: reading for reading in after}
    rest = {reply.symbol: reply for reply in replies}
    rows = []
    for symbol in sorted(earlier.keys() | later.keys() | rest.keys()):
        pair = Pair(rest.get(symbol), earlier.get(symbol), later.get(symbol))
        rows += compare(pair, source, exchange, at)
    return rows


def planted_pair(pair: Pair, exchange: str, at: float) -> list[Comparison]:
    """A pair known to differ: our own price and rate, moved far enough to be significant, in the
    place of REST's. Whoever judges comparisons must flag both, or is blind."""
    rest, ours = pair.rest, pair.nearer
    if rest is None or ours is None:
        return []
    planted = rest._replace(mark_price=ours.mark_price * 1.02, funding_rate=None)
    if ours.funding_rate is not None:
        moved = max(0.0005, abs(ours.funding_rate) * 0.05)
        planted = planted._replace(funding_rate=ours.funding_rate + moved)
    # Without a rate of ours none is planted either: two missing ones match, and are no control.
    rows = compare(pair._replace(rest=planted), "control", exchange, at)
    return [row for row in rows if row.ws_value is not None]


def alarms(rows: Iterable[Comparison]) -> list[Event]:
    """The events that significant differences are."""
    return [
        Event(
            row.compared_at,
            row.source,
            EventKind.SIGNIFICANT,
            f"{row.symbol} {row.field}: stream {row.ws_value}, REST {row.rest_value}",
        )
        for row in rows
        if row.outcome == "significant"
    ]
