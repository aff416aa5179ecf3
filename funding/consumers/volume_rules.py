"""Volume alerts: which candles are worth an alert at a scan. Pure; times are Unix seconds.

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
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from funding.exchanges.binance.rest import Kline

HOUR_SECONDS = 3_600
SCAN_SECONDS = 300
RATIO = 3.0
LEAST_VOLUME = 3_000_000.0
HALF_MINUTE = 30
HALF_IF_BY_MINUTE = 20
NO_FULL_FROM_MINUTE = 55


class Kind(StrEnum):
    """The kinds of volume alert; the words stand in the database and in alerts."""

    SPIKE = "SPIKE"
    HALF_UPDATE = "HALF_UPDATE"
    FULL_UPDATE = "FULL_UPDATE"


class Candle(NamedTuple):
    """One hour: where it opened and stands, and its volume in the quote currency."""

    open: float
    close: float
    volume: float


class AlertedHour(NamedTuple):
    """The alerts already made for a symbol's hour: their kinds, the time of the first, and the
    volume of the hour before."""

    kinds: frozenset[str]
    first_at: float
    previous_volume: float


AlertedHours = Mapping[tuple[str, int], AlertedHour]
"""By symbol and the second at which the hour began."""


class VolumeAlert(NamedTuple):
    """An alert to be made for `symbol`, for the hour that began at `hour`."""

    symbol: str
    hour: int
    kind: Kind
    candle: Candle
    previous_volume: float


def scan_at(now: float) -> int:
    """The time of the scan that `now` belongs to: the last multiple of five minutes."""
    return int(now // SCAN_SECONDS) * SCAN_SECONDS


def hour_of(scan_time: int) -> int:
    """When the hour of the scan of `scan_time` began."""
    return scan_time - scan_time % HOUR_SECONDS


def candles(klines: Iterable[Kline]) -> dict[int, Candle]:
    """By the second at which they opened. Raises ValueError where a value is not a number."""
    found = {}
    for kline in klines:
        candle = Candle(float(kline.open), float(kline.close), float(kline.quote_volume))
        if not all(map(math.isfinite, candle)):
            raise ValueError(f"a candle of {candle}")
        found[kline.open_time // 1000] = candle
    return found


def alerted_hours(rows: Iterable[tuple[str, str, float, str]]) -> AlertedHours:
    """The hours of the stored alerts `rows` (symbol, kind, time, body; oldest first)."""
    found: dict[tuple[str, int], AlertedHour] = {}
    for symbol, kind, at, body in rows:
        fields: Any = msgspec.json.decode(body)
        hour = int(datetime.fromisoformat(fields["hourTimestamp"]).timestamp())
        before = found.get((symbol, hour), AlertedHour(frozenset(), at, fields["previousVolume"]))
        found[symbol, hour] = before._replace(kinds=before.kinds | {kind})
    return found


def alerts_due(
    symbol: str, hours: Mapping[int, Candle], alerted: AlertedHours, scan_time: int
) -> list[VolumeAlert]:
    """The alerts that the scan of `scan_time` (see `scan_at`) has to make for `symbol`.

    `hours` has its candles, `alerted` what was alerted for this hour and the one before.
    """
    closed = _update_of_closed(symbol, hours, alerted, scan_time)
    current = _alert_of_current(symbol, hours, alerted, scan_time)
    return [alert for alert in (closed, current) if alert is not None]


def _update_of_closed(
    symbol: str, hours: Mapping[int, Candle], alerted: AlertedHours, scan_time: int
) -> VolumeAlert | None:
    hour = hour_of(scan_time)
    closed = hour - HOUR_SECONDS
    candle, known = hours.get(closed), alerted.get((symbol, closed))
    if candle is None or known is None or Kind.FULL_UPDATE in known.kinds:
        return None
    if scan_time > hour and hour not in hours:
        return None  # no new candle after minutes: our clock is ahead, the hour is not closed yet
    if _minute(known.first_at, closed) >= NO_FULL_FROM_MINUTE:
        return None
    return VolumeAlert(symbol, closed, Kind.FULL_UPDATE, candle, known.previous_volume)


def _alert_of_current(
    symbol: str, hours: Mapping[int, Candle], alerted: AlertedHours, scan_time: int
) -> VolumeAlert | None:
    hour = hour_of(scan_time)
    candle, previous = hours.get(hour), hours.get(hour - HOUR_SECONDS)
    known = alerted.get((symbol, hour))
    if candle is None:
        return None
    if known is None:
        if previous is None or not _is_spike(candle, previous):
            return None
        return VolumeAlert(symbol, hour, Kind.SPIKE, candle, previous.volume)
    if Kind.HALF_UPDATE in known.kinds or not _half_is_due(known, hour, scan_time):
        return None
    volume = previous.volume if previous else known.previous_volume
    return VolumeAlert(symbol, hour, Kind.HALF_UPDATE, candle, volume)


def _is_spike(candle: Candle, previous: Candle) -> bool:
    enough = candle.volume >= LEAST_VOLUME and previous.volume > 0
    return enough and candle.volume / previous.volume >= RATIO


def _half_is_due(known: AlertedHour, hour: int, scan_time: int) -> bool:
    early = _minute(known.first_at, hour) <= HALF_IF_BY_MINUTE
    return early and _minute(scan_time, hour) >= HALF_MINUTE


def _minute(at: float, hour: int) -> int:
    return int(at - hour) // 60
