"""Two values in, one comparison out; two markets in, many comparisons out."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from funding.comparison.difference import Field, Outcome, difference_pct, outcome
from funding.exchanges.table import EXCHANGES
from funding.model.event import Event, EventKind
from funding.model.feed import StoredQuote
from funding.model.quote import Quote, Source

ALIGNED_MS = 1_000
"""Values whose times are further apart than one tick differ by lag, not by error."""
LAG = "lag"
PLANTED_SOURCE = "control"
"""The `source` of comparisons that are planted to differ."""
PLANTED_PRICE_FACTOR = 1.02
PLANTED_RATE_SHARE = 0.05
PLANTED_RATE_LEAST = 0.0005


class Comparison(NamedTuple):
    """One compared value: the columns of the table `comparison` (see schema.sql) in order."""

    compared_at: float
    source: str
    exchange: str
    symbol: str
    field: Field
    ws_value: float | None
    rest_value: float | None
    difference_pct: float | None
    skew_ms: int | None
    outcome: Outcome
    rest_time: int | None
    explained: int | None


class Pair(NamedTuple):
    """One symbol in REST's reply, and as it was stored just before and just after the request."""

    rest: Quote | None
    before: StoredQuote | None
    after: StoredQuote | None

    @property
    def is_evidence(self) -> bool:
        """Whether the stored quotes are the stream's. Where REST stood in, it would be compared
        with itself."""
        return not any(quote and quote.source is Source.REST for quote in (self.before, self.after))

    @property
    def nearer(self) -> StoredQuote | None:
        """The stored quote whose event time is nearer to that of the reply."""
        if self.before is None or self.after is None or self.rest is None:
            return self.before or self.after
        rest_time = self.rest.event_time
        return min(self.before, self.after, key=lambda quote: abs(quote.event_time - rest_time))


def compare(pair: Pair, source: str, exchange: str, at: float) -> list[Comparison]:
    """All fields of one symbol, compared at `at` Unix seconds by `source`.

    A symbol that only one side has gives a row for each value of that side. A funding rate that
    is missing on both sides is a row only where both sides have the symbol. A pair that is no
    evidence gives none.
    """
    if not pair.is_evidence:
        return []
    rest, ours = pair.rest, pair.nearer
    on_both_sides = rest is not None and ours is not None
    symbol = rest.symbol if rest is not None else ours.symbol if ours is not None else ""
    skew = ours.event_time - rest.event_time if ours is not None and rest is not None else None
    time = rest.event_time if rest is not None else None
    rows = []
    for field in Field:
        mine, theirs = _value(ours, field), _value(rest, field)
        if not on_both_sides and mine is None and theirs is None:
            continue
        result = outcome(field, mine, theirs)
        lag = None
        if result != Outcome.MATCH:
            late = field == Field.FUNDING_RATE and mine is not None and _rates_are_late(exchange)
            lag = int(_explained(pair, field, skew) or (late and theirs is not None))
        values = (symbol, field, mine, theirs, difference_pct(field, mine, theirs))
        rows.append(Comparison(at, source, exchange, *values, skew, result, time, lag))
    return rows


def _value(quote: Quote | StoredQuote | None, field: Field) -> float | None:
    """None where it is not known: a missing index price is 0 in a quote."""
    found: float | None = getattr(quote, field, None)
    return None if field == Field.INDEX_PRICE and not found else found


def _rates_are_late(exchange: str) -> bool:
    """Whether the stream tells rates less often than prices: REST's may be a minute newer."""
    found = EXCHANGES.get(exchange)
    return found is not None and bool(found.slow_classes)


def _explained(pair: Pair, field: Field, skew: int | None) -> bool:
    """Whether lag explains the difference: REST's value belongs to another moment, or lies
    between the two stored quotes around it."""
    if skew is None:
        return False
    if abs(skew) > ALIGNED_MS:
        return True
    theirs = _value(pair.rest, field)
    stored = [_value(quote, field) for quote in (pair.before, pair.after) if quote]
    ends = [each for each in stored if each is not None]
    if theirs is None or len(ends) < len(stored):
        return False
    return min(ends) <= theirs <= max(ends)


def compare_all(
    before: Iterable[StoredQuote],
    replies: Iterable[Quote],
    after: Iterable[StoredQuote],
    *,
    source: str,
    exchange: str,
    at: float,
) -> list[Comparison]:
    """Every symbol of either side, sorted by symbol."""
    earlier = {quote.symbol: quote for quote in before}
    later = {quote.symbol: quote for quote in after}
    rest = {reply.symbol: reply for reply in replies}
    rows = []
    for symbol in sorted(earlier.keys() | later.keys() | rest.keys()):
        pair = Pair(rest.get(symbol), earlier.get(symbol), later.get(symbol))
        rows += compare(pair, source, exchange, at)
    return rows


def planted_pair(pair: Pair, exchange: str, at: float) -> list[Comparison]:
    """A pair that is known to differ: our own prices and rate, moved far enough to be significant,
    take the place of REST's. A comparison that does not flag all of them is blind."""
    rest, ours = pair.rest, pair.nearer
    if rest is None or ours is None:
        return []
    mark, index = (each * PLANTED_PRICE_FACTOR for each in (ours.mark_price, ours.index_price))
    planted = replace(rest, mark_price=mark, index_price=index, funding_rate=None)
    if ours.funding_rate is not None:
        moved = max(PLANTED_RATE_LEAST, abs(ours.funding_rate) * PLANTED_RATE_SHARE)
        planted = replace(planted, funding_rate=ours.funding_rate + moved)
    # Two missing rates would match, so without a rate of ours there is no planted rate.
    rows = compare(pair._replace(rest=planted), PLANTED_SOURCE, exchange, at)
    return [row for row in rows if row.ws_value is not None]


def alarms(rows: Iterable[Comparison]) -> list[Event]:
    """One event for each exchange and cause of significant differences, with their count; the one
    that differs most stands for them. The cause is its `rule`: lag, a side without the symbol, or
    the field. The exchange is its `program`."""
    causes: dict[tuple[str, str], list[Comparison]] = {}
    for row in rows:
        if row.outcome == Outcome.SIGNIFICANT:
            causes.setdefault((_cause(row), row.exchange), []).append(row)
    # What lag explains comes last.
    return [
        _alarm(cause, those)
        for (cause, _), those in sorted(causes.items(), key=lambda item: item[0][0] == LAG)
    ]


def _cause(row: Comparison) -> str:
    if row.explained:
        return LAG
    return "one side" if row.ws_value is None or row.rest_value is None else str(row.field)


def _alarm(cause: str, rows: list[Comparison]) -> Event:
    worst = max(rows, key=lambda row: abs(row.difference_pct or 0.0))
    text = f"{worst.exchange}: {worst.symbol} {worst.field}: stream {worst.ws_value}"
    text += f", REST {worst.rest_value}"
    text += f", explained by {worst.skew_ms} ms" if cause == LAG else ""
    text += f", and {len(rows) - 1} more" if len(rows) > 1 else ""
    about = worst.source, EventKind.SIGNIFICANT, text, worst.exchange
    return Event(worst.compared_at, *about, rule=cause, count=len(rows))
