"""What is believed of one quote, whatever exchange it comes from. Pure."""

from funding.exchanges.frame import Frame
from funding.exchanges.replies import HOUR_MS, decimal, price, rate
from funding.model.quote import Quote

EARLIEST_MS = 1_483_228_800_000  # 2017-01-01, before any of the exchanges had perpetuals
LATEST_MS = 4_102_444_800_000  # 2100-01-01
FURTHEST_MS = 366 * 24 * HOUR_MS
Number = str | int | float | None


def next_hour_ms(now_ms: int) -> int:
    """The first full hour after `now_ms`."""
    return (now_ms // HOUR_MS + 1) * HOUR_MS


def believable_due(due_ms: int | None, event_time: int) -> bool:
    """Whether there may be a settlement at `due_ms`; None is "not known"."""
    return due_ms is None or EARLIEST_MS <= due_ms <= event_time + FURTHEST_MS


def quote(
    frame: Frame,
    symbol: str,
    *,
    mark: Number,
    index: Number,
    funding: Number,
    due_ms: int | None,
    event_time: int,
) -> Quote | None:
    """The quote of these values; None, and counted in `frame`, where one of them cannot be true.

    A missing index price is 0, and a missing rate None.
    """
    mark_price, index_price = price(mark), 0.0 if index is None else decimal(index)
    funding_rate = None if funding in (None, "") else rate(funding)
    if mark_price is None:
        reason = "mark price"
    elif index_price is None or not 0 <= index_price <= 1e12:
        reason = "index price"
    elif funding_rate is None and funding not in (None, ""):
        reason = "funding rate"
    elif not EARLIEST_MS <= event_time <= LATEST_MS:
        reason = "event time"
    elif not believable_due(due_ms, event_time):
        reason = "next funding time"
    else:
        return Quote(symbol, mark_price, index_price, funding_rate, due_ms, event_time)
    values = f"mark {mark!r} index {index!r} rate {funding!r} next {due_ms} at {event_time}"
    frame.reject(reason, f"{symbol} {values}")
    return None
