"""Volume spikes: which candles are worth an alert at a scan. Pure; times are Unix seconds.

| alert | when |
|---|---|
| SPIKE | the current hour has 3 times the volume of the one before, and 3,000,000; once an hour |
| HALF_UPDATE | at minute 30, if the hour's SPIKE came by minute 20 |
| FULL_UPDATE | at the next minute 0, on the closed hour, unless its SPIKE came at minute 55 |

An update is made at the first scan at or after its minute (a FULL_UPDATE within the next hour), so
that one missed scan, or a restart, does not lose it.

# Facts
- A candle is known by its opening time, not by its place: just after the hour the exchange may
  not have begun the new one yet.
- At the closed hour the candle before it is no longer among the last two: its volume is that of
  the SPIKE.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from funding.exchanges.binance.rest import Kline
from funding.model.alert import Alert, Mark, iso, without_none

CONSUMER = "volume_alert"
PATH = "/api/volume-alerts/ingest"

HOUR_SECONDS = 3_600
SLOT_SECONDS = 300
RATIO = 3.0
LEAST_VOLUME = 3_000_000.0
HALF_MINUTE = 30
HALF_IF_BY_MINUTE = 20
NO_FULL_FROM_MINUTE = 55


class Candle(NamedTuple):
    """One hour: where it opened and stands, and its volume in the quote currency."""

    open: float
    close: float
    volume: float


class Told(NamedTuple):
    """What has been alerted of a symbol's hour: the kinds, when first, the volume before it."""

    kinds: frozenset[str]
    first_at: float
    previous_volume: float


class Finding(NamedTuple):
    """An alert to be made of `symbol` for the hour that began at `hour`."""

    symbol: str
    hour: int
    kind: str
    candle: Candle
    previous_volume: float


def slot(now: float) -> int:
    """The scan that `now` belongs to: the last multiple of five minutes."""
    return int(now // SLOT_SECONDS) * SLOT_SECONDS


def candles(klines: Iterable[Kline]) -> dict[int, Candle]:
    """By the second at which they opened. Raises ValueError for what is no number."""
    found = {}
    for each in klines:
        candle = Candle(float(each.open), float(each.close), float(each.quote_volume))
        if not all(map(math.isfinite, candle)):
            raise ValueError(f"a candle of {candle}")
        found[each.open_time // 1000] = candle
    return found


def told(rows: Iterable[tuple[str, str, float, str]]) -> dict[tuple[str, int], Told]:
    """What the stored alerts (symbol, kind, time, body; oldest first) say of each hour."""
    found: dict[tuple[str, int], Told] = {}
    for symbol, kind, at, body in rows:
        fields: Any = msgspec.json.decode(body)
        hour = int(datetime.fromisoformat(fields["hourTimestamp"]).timestamp())
        before = found.get((symbol, hour), Told(frozenset(), at, fields["previousVolume"]))
        found[symbol, hour] = before._replace(kinds=before.kinds | {kind})
    return found


def judge(
    symbol: str, hours: Mapping[int, Candle], told: Mapping[tuple[str, int], Told], scan: int
) -> list[Finding]:
    """The alerts that the scan of `scan` (see `slot`) owes for `symbol`.

    `hours` has its candles, `told` what was alerted for this hour and the one before.
    """
    hour = scan - scan % HOUR_SECONDS
    return [*_closed(symbol, hours, told, scan, hour), *_current(symbol, hours, told, scan, hour)]


def _closed(
    symbol: str,
    hours: Mapping[int, Candle],
    told: Mapping[tuple[str, int], Told],
    scan: int,
    hour: int,
) -> Iterable[Finding]:
    before = hour - HOUR_SECONDS
    candle, known = hours.get(before), told.get((symbol, before))
    if candle is None or known is None or "FULL_UPDATE" in known.kinds:
        return
    if scan > hour and hour not in hours:
        return  # no new candle after minutes: our clock is ahead, and the hour is not closed
    if _minute(known.first_at, before) < NO_FULL_FROM_MINUTE:
        yield Finding(symbol, before, "FULL_UPDATE", candle, known.previous_volume)


def _current(
    symbol: str,
    hours: Mapping[int, Candle],
    told: Mapping[tuple[str, int], Told],
    scan: int,
    hour: int,
) -> Iterable[Finding]:
    candle, previous = hours.get(hour), hours.get(hour - HOUR_SECONDS)
    known = told.get((symbol, hour))
    if candle is None:
        return
    if known is None:
        enough = candle.volume >= LEAST_VOLUME
        if previous and previous.volume > 0 and enough and candle.volume / previous.volume >= RATIO:
            yield Finding(symbol, hour, "SPIKE", candle, previous.volume)
    elif "HALF_UPDATE" not in known.kinds and _half_is_due(scan, hour, known):
        volume = previous.volume if previous else known.previous_volume
        yield Finding(symbol, hour, "HALF_UPDATE", candle, volume)


def _half_is_due(scan: int, hour: int, known: Told) -> bool:
    early = _minute(known.first_at, hour) <= HALF_IF_BY_MINUTE
    return early and _minute(scan, hour) >= HALF_MINUTE


def _minute(at: float, hour: int) -> int:
    return int(at - hour) // 60


def alert(
    finding: Finding,
    *,
    asset: str,
    mark: Mark,
    oi_change: float | None,
    scan: int,
    now: float,
    missing_as_zero: bool,
) -> Alert:
    """`finding` in the backend's terms. `price` is the mark price, or the candle's last without
    one; a missing rate is left out, or 0.0 with `missing_as_zero`."""
    symbol, hour, kind, candle, previous = finding
    ratio = candle.volume / previous if previous else 0.0
    rate = mark.funding_rate
    prefix = {"HALF_UPDATE": "HALF-UPDATE: ", "FULL_UPDATE": "UPDATE: "}.get(kind, "")
    hourly = f"{asset} hourly volume {short(candle.volume)} ({ratio:.2f}× prev)"
    message = f"{prefix}{hourly} — VOLUME SPIKE!"
    body: dict[str, Any] = {
        "symbol": symbol,
        "asset": asset,
        "currentVolume": candle.volume,
        "previousVolume": previous,
        "volumeRatio": ratio,
        "price": candle.close if mark.mark_price is None else mark.mark_price,
        "fundingRate": 0.0 if rate is None and missing_as_zero else rate,
        "candleDirection": "bullish" if candle.close > candle.open else "bearish",
        "message": message,
        "timestamp": iso(now),
        "detectionTime": iso(scan),
        "hourTimestamp": iso(hour),
        "isUpdate": kind != "SPIKE",
        "alertType": kind,
        "priceChange": (candle.close - candle.open) / candle.open if candle.open else None,
        "oiChange": oi_change,
    }
    key = f"{CONSUMER} {symbol} {hour} {kind}"
    return Alert(key, CONSUMER, symbol, kind, scan, message, PATH, without_none(body))


def short(volume: float) -> str:
    """A volume for people: 3.21M."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if volume >= size:
            return f"{volume / size:,.2f}{letter}"
    return f"{volume:,.0f}"
