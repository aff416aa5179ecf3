"""Volumes, candles, tickers, open interest and settled funding of a contract at a time. Pure.

Prices are those of the stream at the same instant. Volume is constant within a UTC hour and differs
from hour to hour, so that any candle's volume is the sum of its parts.

# Facts

- A kline is a list of 12; quote volume stands at index 7; times are ms, prices and volumes text
  (capture of 2026-10-07). Intervals such as 1s are refused with -1120.
- In a 24hrTicker row `p` is the price *change*, `c` the last price, `w` the weighted average.
- Settlements are recorded a few ms after the boundary; rateType "Special" rows (stock dividends)
  share their time with a "Regular" one (SDK 15.0.0, 2026-07-28).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10, pi, sin

from harness.sim.contracts import HOUR_MS, unit
from harness.sim.world import Motion

Spikes = Mapping[str, Sequence[Mapping[str, float]]]
DAY_MS = 24 * HOUR_MS
INTERVALS_MS: dict[str, int] = {
    "1m": 60_000, "3m": 180_000, "5m": 300_000, "15m": 900_000, "30m": 1_800_000,
    "1h": HOUR_MS, "2h": 2 * HOUR_MS, "4h": 4 * HOUR_MS, "6h": 6 * HOUR_MS, "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS, "1d": DAY_MS, "3d": 3 * DAY_MS, "1w": 7 * DAY_MS,
}  # fmt: skip
# Weeks begin on Monday; the epoch was a Thursday.
_WEEK_PHASE_MS = 4 * DAY_MS


def price_places(motion: Motion) -> int:
    """Decimal places of a traded price: more for cheap contracts, 0 to 8."""
    return max(0, min(8, 6 - floor(log10(motion.contract.mark_base))))


def open_interest(motion: Motion, at_ms: float) -> float:
    """Open contracts in the base asset."""
    contract = motion.contract
    notional = 10 ** (7 + 2.5 * unit(0, contract.symbol, "open interest"))
    wave = 1 + 0.03 * sin(at_ms / 1000 * 2 * pi / 21_600 + motion.phase)
    return notional / contract.mark_base * wave


def quote_volume(motion: Motion, start_ms: int, end_ms: int, spikes: Spikes) -> float:
    """Traded in [start, end), in the quote asset."""
    symbol = motion.contract.symbol
    hourly = 10 ** (4.5 + 3 * unit(0, symbol, "volume"))
    factors = {int(one["hour"]) // HOUR_MS: one["factor"] for one in spikes.get(symbol, ())}
    total, hour = 0.0, start_ms // HOUR_MS
    while hour * HOUR_MS < end_ms:
        part = min(end_ms, (hour + 1) * HOUR_MS) - max(start_ms, hour * HOUR_MS)
        level = 0.7 + 0.6 * unit(0, symbol, str(hour))
        total += hourly * level * factors.get(hour, 1.0) * part / HOUR_MS
        hour += 1
    return total


def candle_start(interval: str, at_ms: int) -> int:
    """The opening time of the candle that holds this instant."""
    phase, length = _WEEK_PHASE_MS if interval == "1w" else 0, INTERVALS_MS[interval]
    return (at_ms - phase) // length * length + phase


def kline(
    motion: Motion, interval: str, start_ms: int, now_ms: int, spikes: Spikes
) -> list[object]:
    """One candle, complete or, when it holds now, so far."""
    length, places = INTERVALS_MS[interval], price_places(motion)
    end = min(start_ms + length, now_ms + 1)
    step = max(1, (end - 1 - start_ms) // 4)
    samples = [motion.figures(start_ms + step * quarter).mark_price for quarter in range(4)]
    samples.append(motion.figures(end - 1).mark_price)
    quote = quote_volume(motion, start_ms, end, spikes)
    base = quote / (sum(samples) / len(samples))
    share = 0.4 + 0.2 * unit(0, motion.contract.symbol, str(start_ms))
    prices = (samples[0], max(samples), min(samples), samples[-1])
    return [
        start_ms, *(f"{price:.{places}f}" for price in prices), f"{base:.3f}",
        start_ms + length - 1, f"{quote:.5f}", int(quote / 2000) + 1, f"{base * share:.3f}",
        f"{quote * share:.5f}", "0",
    ]  # fmt: skip


def ticker(motion: Motion, now_ms: int, spikes: Spikes) -> dict[str, object]:
    """One row of `GET /fapi/v1/ticker/24hr`."""
    places, start = price_places(motion), (now_ms - DAY_MS) // 60_000 * 60_000
    hours = [motion.figures(start + hour * HOUR_MS).mark_price for hour in range(24)]
    last, first = motion.figures(now_ms).mark_price, hours[0]
    quote = quote_volume(motion, start, now_ms, spikes)
    average = (sum(hours) + last) / 25
    trades = int(quote / 2000) + 1
    return {
        "symbol": motion.contract.symbol,
        "priceChange": f"{last - first:.{places}f}",
        "priceChangePercent": f"{(last - first) / first * 100:.3f}",
        "weightedAvgPrice": f"{average:.{places}f}", "lastPrice": f"{last:.{places}f}",
        "lastQty": f"{quote / trades / last:.3f}", "openPrice": f"{first:.{places}f}",
        "highPrice": f"{max(*hours, last):.{places}f}",
        "lowPrice": f"{min(*hours, last):.{places}f}",
        "volume": f"{quote / average:.3f}", "quoteVolume": f"{quote:.2f}", "openTime": start,
        "closeTime": now_ms, "firstId": now_ms // 1000, "lastId": now_ms // 1000 + trades - 1,
        "count": trades,
    }  # fmt: skip


def ticker_row(motion: Motion, event_time_ms: int) -> dict[str, object]:
    """One 24hrTicker row of the stream."""
    row, contract = ticker(motion, event_time_ms, {}), motion.contract
    return {
        "e": "24hrTicker", "E": event_time_ms, "s": contract.symbol,
        "ps": contract.symbol.partition("_")[0], "p": row["priceChange"],
        "P": row["priceChangePercent"], "w": row["weightedAvgPrice"], "c": row["lastPrice"],
        "Q": row["lastQty"], "o": row["openPrice"], "h": row["highPrice"], "l": row["lowPrice"],
        "v": row["volume"], "q": row["quoteVolume"], "O": row["openTime"], "C": row["closeTime"],
        "F": row["firstId"], "L": row["lastId"], "n": row["count"], "st": contract.symbol_type,
    }  # fmt: skip


def settlements(motion: Motion, start_ms: int, end_ms: int) -> list[dict[str, object]]:
    """Rows of `GET /fapi/v1/fundingRate` with start <= fundingTime <= end, oldest first."""
    period, symbol = motion.period_ms, motion.contract.symbol
    found: list[dict[str, object]] = []
    if not period:
        return found
    for boundary in range(start_ms // period * period, end_ms + 1, period):
        jitter = int(12 * unit(0, symbol, f"late {boundary}"))
        if not start_ms <= boundary + jitter <= end_ms:
            continue
        figures = motion.figures(boundary)
        row: dict[str, object] = {
            "symbol": symbol, "fundingTime": boundary + jitter,
            "fundingRate": f"{figures.funding_rate:.8f}", "markPrice": f"{figures.mark_price:.8f}",
            "rateType": "Regular",
        }  # fmt: skip
        found.append(row)
        dividend = boundary % DAY_MS == 0 and unit(0, symbol, f"dividend {boundary}") < 1 / 60
        if dividend and motion.contract.underlying == "EQUITY":
            found.append(row | {"fundingRate": "-0.00120000", "rateType": "Special"})
    return found
