"""What the consumers send, in the backend's terms: volume alerts, open-interest alerts, samples.
Pure. See model/alert.py for what the backend refuses."""

from collections.abc import Iterable, Sequence
from typing import Any

from funding.consumers.open_interest_rules import Change
from funding.consumers.volume_rules import Kind, VolumeAlert
from funding.model.alert import Alert, Consumer, MarkAndRate, Post, iso, post, without_none
from funding.model.open_interest import Sample

VOLUME_PATH = "/api/volume-alerts/ingest"
OPEN_INTEREST_PATH = "/api/open-interest-alerts/ingest"
SAMPLES_PATH = "/api/market/open-interest/ingest"
SAMPLES_SOURCE = "realtime"
OPEN_INTEREST_SOURCE = "oi_realtime_poller"
SAMPLES_PER_POST = 100
_PREFIX = {Kind.SPIKE: "", Kind.HALF_UPDATE: "HALF-UPDATE: ", Kind.FULL_UPDATE: "UPDATE: "}


def volume_alert(
    due: VolumeAlert,
    *,
    asset: str,
    current: MarkAndRate,
    oi_change: float | None,
    scan_time: int,
    now: float,
    missing_as_zero: bool,
) -> Alert:
    """`due`, found by the scan of `scan_time`. `price` is the mark price, or without one the last
    price of the candle; a missing rate is left out, or 0.0 with `missing_as_zero`."""
    symbol, hour, kind, candle, previous = due
    ratio = candle.volume / previous if previous else 0.0
    hourly = f"{asset} hourly volume {abbreviated(candle.volume)} ({ratio:.2f}× prev)"
    message = f"{_PREFIX[kind]}{hourly} — VOLUME SPIKE!"
    body: dict[str, Any] = {
        "symbol": symbol,
        "asset": asset,
        "currentVolume": candle.volume,
        "previousVolume": previous,
        "volumeRatio": ratio,
        "price": candle.close if current.mark_price is None else current.mark_price,
        "fundingRate": _rate(current, missing_as_zero),
        "candleDirection": "bullish" if candle.close > candle.open else "bearish",
        "message": message,
        "timestamp": iso(now),
        "detectionTime": iso(scan_time),
        "hourTimestamp": iso(hour),
        "isUpdate": kind is not Kind.SPIKE,
        "alertType": kind,
        "priceChange": (candle.close - candle.open) / candle.open if candle.open else None,
        "oiChange": oi_change,
    }
    consumer = Consumer.VOLUME_ALERT
    key = f"{consumer} {symbol} {hour} {kind}"
    return Alert(key, consumer, symbol, kind, scan_time, message, VOLUME_PATH, without_none(body))


def open_interest_alert(change: Change, current: MarkAndRate, *, missing_as_zero: bool) -> Alert:
    """`change`; a missing rate is left out, or 0.0 with `missing_as_zero`."""
    frame, sample, direction = change.timeframe, change.current, change.direction
    body: dict[str, Any] = {
        "symbol": sample.symbol,
        "direction": direction,
        "baseline": change.baseline.open_interest,
        "current": sample.open_interest,
        "pctChange": change.fraction,
        "absChange": change.contracts,
        "timestamp": iso(sample.at),
        "source": OPEN_INTEREST_SOURCE,
        "timeframe": frame.label,
        "priceChange": change.price_fraction,
        "fundingRate": _rate(current, missing_as_zero),
    }
    moved = f"{change.fraction:+.2%} ({change.contracts:+,.0f} contracts)"
    return Alert(
        key=f"{Consumer.OI_POLLER} {sample.symbol} {frame.name} {direction} {sample.at:.3f}",
        consumer=Consumer.OI_POLLER,
        symbol=sample.symbol,
        kind=f"{direction} {frame.name}",
        at=sample.at,
        message=f"{sample.symbol} open interest {direction} {moved} in {frame.label}",
        path=OPEN_INTEREST_PATH,
        body=without_none(body),
    )


def sample_posts(
    samples: Sequence[Sample], targets: Iterable[str], now: float, *, missing_as_zero: bool
) -> list[Post]:
    """All `samples` to each of `targets`, `SAMPLES_PER_POST` at a time."""
    rows = [_row(sample, missing_as_zero) for sample in samples]
    found = []
    for target in targets:
        for first in range(0, len(rows), SAMPLES_PER_POST):
            data = rows[first : first + SAMPLES_PER_POST]
            key = f"{Consumer.OI_POLLER} {now:.3f} {first}"
            head = {"timestamp": iso(now), "totalSymbols": len(data), "source": SAMPLES_SOURCE}
            found.append(post(target, SAMPLES_PATH, key, {"data": data, **head}))
    return found


def _row(sample: Sample, missing_as_zero: bool) -> dict[str, Any]:
    """Without a mark price a sample has no notional either."""
    missing = 0.0 if missing_as_zero else None
    return without_none(
        {
            "symbol": sample.symbol,
            "openInterest": sample.open_interest,
            "openInterestUsd": missing if sample.notional is None else sample.notional,
            "markPrice": missing if sample.mark_price is None else sample.mark_price,
        }
    )


def _rate(current: MarkAndRate, missing_as_zero: bool) -> float | None:
    missing = 0.0 if missing_as_zero else None
    return missing if current.funding_rate is None else current.funding_rate


def abbreviated(volume: float) -> str:
    """A volume for people: 3.21M."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if volume >= size:
            return f"{volume / size:,.2f}{letter}"
    return f"{volume:,.0f}"
