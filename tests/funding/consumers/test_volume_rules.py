"""Which candles are worth an alert: a table of scans, and a day of every kind of spike."""

from typing import Any

import pytest

from funding.consumers.volume_rules import (
    Candle,
    Finding,
    Told,
    alert,
    candles,
    judge,
    short,
    slot,
    told,
)
from funding.exchanges.binance.rest import Kline
from funding.model.alert import UNKNOWN, Mark

HOUR = 1_764_720_000  # 2025-12-03T00:00:00Z
BEFORE = HOUR - 3_600
S = "BTCUSDT"


def volumes(current: float, previous: float = 1e6, hour: int = HOUR) -> dict[int, Candle]:
    return {hour: Candle(10.0, 11.0, current), hour - 3_600: Candle(9.0, 10.0, previous)}


def kinds(found: list[Finding]) -> list[tuple[str, int]]:
    return [(each.kind, each.hour) for each in found]


def known(minute: int, *more: str, hour: int = HOUR) -> dict[tuple[str, int], Told]:
    return {(S, hour): Told(frozenset({"SPIKE", *more}), hour + minute * 60, 1e6)}


@pytest.mark.parametrize(
    ("now", "expected"),
    [(HOUR, HOUR), (HOUR + 299.9, HOUR), (HOUR + 300, HOUR + 300), (HOUR - 0.1, HOUR - 300)],
)
def test_a_scan_is_of_the_last_five_minutes(now: float, expected: int) -> None:
    assert slot(now) == expected


@pytest.mark.parametrize(
    ("current", "previous", "spikes"),
    [
        (3e6, 1e6, True),
        (2_999_999.9, 0.9e6, False),
        (3e6, 1_000_000.1, False),
        (9e6, 3e6, True),
        (8.99e6, 3e6, False),
        (5e6, 0.0, False),
        (5e6, 1.0, True),
    ],
)
def test_a_spike_needs_three_times_and_three_million(
    current: float, previous: float, spikes: bool
) -> None:
    found = judge(S, volumes(current, previous), {}, HOUR + 600)
    assert kinds(found) == ([("SPIKE", HOUR)] if spikes else [])
    assert [each.previous_volume for each in found] == ([previous] if spikes else [])


def test_once_per_symbol_and_hour() -> None:
    assert judge(S, volumes(9e6), known(5), HOUR + 900) == []
    assert kinds(judge("ETHUSDT", volumes(9e6), known(5), HOUR + 900)) == [("SPIKE", HOUR)]
    later = HOUR + 3_600 + 900
    owed = judge(S, volumes(9e7, 9e6, HOUR + 3_600), known(5, "FULL_UPDATE"), later)
    assert kinds(owed) == [("SPIKE", HOUR + 3_600)]


@pytest.mark.parametrize("first", range(0, 60, 5))
@pytest.mark.parametrize("minute", range(0, 60, 5))
def test_a_half_update_comes_from_minute_30_on_if_the_spike_came_by_20(
    first: int, minute: int
) -> None:
    found = judge(S, volumes(9e6), known(first), HOUR + minute * 60)
    assert kinds(found) == ([("HALF_UPDATE", HOUR)] if minute >= 30 and first <= 20 else [])
    assert judge(S, volumes(9e6), known(first, "HALF_UPDATE"), HOUR + minute * 60) == []


@pytest.mark.parametrize("first", range(0, 60, 5))
def test_a_full_update_is_of_the_closed_hour_unless_the_spike_came_at_55(first: int) -> None:
    hours = volumes(1.0, 9e6)
    owed = judge(S, hours, known(first, hour=BEFORE), HOUR)
    assert kinds(owed) == ([("FULL_UPDATE", BEFORE)] if first < 55 else [])
    for each in owed:
        # The hour before the closed one is not among the candles: its volume was kept.
        assert (each.candle, each.previous_volume) == (hours[BEFORE], 1e6)
    assert judge(S, hours, known(first, "FULL_UPDATE", hour=BEFORE), HOUR) == []


def test_a_full_update_that_was_missed_comes_with_the_next_scan_of_the_hour_after() -> None:
    owed = judge(S, volumes(1.0, 9e6), known(0, hour=BEFORE), HOUR + 1_500)
    assert kinds(owed) == [("FULL_UPDATE", BEFORE)]
    assert judge(S, volumes(1.0, 9e6), known(0, hour=BEFORE - 3_600), HOUR) == []


def test_a_clock_that_is_an_hour_ahead_does_not_close_the_hour() -> None:
    """The exchange is still within the hour that we take for the one before."""
    theirs = volumes(9e6, hour=BEFORE)
    assert judge(S, theirs, known(5, hour=BEFORE), HOUR + 600) == []
    assert kinds(judge(S, volumes(1.0, 9e6), known(5, hour=BEFORE), HOUR + 600)) == [
        ("FULL_UPDATE", BEFORE)
    ]


def test_candles_are_known_by_their_hour_not_by_their_place() -> None:
    """At minute 0 the exchange may not have begun the new candle."""
    late = {BEFORE: Candle(1.0, 2.0, 9e6), BEFORE - 3_600: Candle(1.0, 1.0, 1e6)}
    assert kinds(judge(S, late, known(5, hour=BEFORE), HOUR)) == [("FULL_UPDATE", BEFORE)]
    assert judge(S, late, {}, HOUR) == []
    assert judge(S, {HOUR: Candle(1.0, 2.0, 9e9)}, {}, HOUR + 300) == []
    assert judge(S, {}, {}, HOUR) == []


def kline(opened: int, close: str = "11", volume: str = "9e6") -> Kline:
    return Kline(opened * 1_000, "10", "12", "9", close, "5", opened * 1_000 + 3_599_999, volume)


def test_candles_come_from_klines_by_second() -> None:
    found = candles([kline(BEFORE, volume="1e6"), kline(HOUR)])
    assert found == {BEFORE: Candle(10.0, 11.0, 1e6), HOUR: Candle(10.0, 11.0, 9e6)}


@pytest.mark.parametrize("volume", ["", "much", "nan", "inf"])
def test_a_candle_that_is_no_number_is_refused(volume: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        candles([kline(HOUR, volume=volume)])


def made(kind: str = "SPIKE", **changes: Any) -> dict[str, Any]:
    finding = Finding(S, HOUR, kind, Candle(10.0, 11.0, 9e6), 2e6)
    given: dict[str, Any] = {
        "asset": "BTC", "mark": Mark(10.5, 0.0001), "oi_change": 0.02, "scan": HOUR + 600,
        "now": HOUR + 612.7, "missing_as_zero": False,
    }  # fmt: skip
    return dict(alert(finding, **given | changes).body)


def test_the_body_is_what_the_backend_expects() -> None:
    assert made() == {
        "symbol": "BTCUSDT",
        "asset": "BTC",
        "currentVolume": 9e6,
        "previousVolume": 2e6,
        "volumeRatio": 4.5,
        "price": 10.5,
        "fundingRate": 0.0001,
        "candleDirection": "bullish",
        "message": "BTC hourly volume 9.00M (4.50× prev) — VOLUME SPIKE!",
        "timestamp": "2025-12-03T00:10:12Z",
        "detectionTime": "2025-12-03T00:10:00Z",
        "hourTimestamp": "2025-12-03T00:00:00Z",
        "isUpdate": False,
        "alertType": "SPIKE",
        "priceChange": 0.1,
        "oiChange": 0.02,
    }


def test_an_update_says_so() -> None:
    half, full = made("HALF_UPDATE"), made("FULL_UPDATE")
    assert (half["isUpdate"], half["alertType"]) == (True, "HALF_UPDATE")
    assert half["message"].startswith("HALF-UPDATE: BTC")
    assert full["message"].startswith("UPDATE: BTC")


def test_what_is_missing_is_absent_or_by_option_zero() -> None:
    body = made(mark=UNKNOWN, oi_change=None)
    assert not {"fundingRate", "oiChange"} & body.keys()
    assert body["price"] == 11.0  # the candle's last: known, and no zero
    assert made(mark=UNKNOWN, missing_as_zero=True)["fundingRate"] == 0.0
    assert made(mark=UNKNOWN, missing_as_zero=True)["price"] == 11.0
    assert made(mark=Mark(1.0, -0.001), missing_as_zero=True)["fundingRate"] == -0.001


def test_a_candle_that_did_not_rise_is_bearish() -> None:
    for close in (9.0, 10.0):
        finding = Finding(S, HOUR, "SPIKE", Candle(10.0, close, 9e6), 2e6)
        body = alert(
            finding, asset="BTC", mark=UNKNOWN, oi_change=None, scan=HOUR, now=HOUR,
            missing_as_zero=False,
        ).body  # fmt: skip
        assert body["candleDirection"] == "bearish"
        assert body["priceChange"] == pytest.approx((close - 10) / 10)


def test_what_was_alerted_is_read_back_by_hour() -> None:
    def row(kind: str, at: int, previous: float = 2e6) -> tuple[str, str, float, str]:
        body = f'{{"hourTimestamp":"2025-12-03T00:00:00Z","previousVolume":{previous}}}'
        return S, kind, at, body

    found = told([row("SPIKE", HOUR + 300), row("FULL_UPDATE", HOUR + 3_600, 7.0)])
    assert found == {(S, HOUR): Told(frozenset({"SPIKE", "FULL_UPDATE"}), HOUR + 300, 2e6)}


@pytest.mark.parametrize(
    ("volume", "text"), [(9, "9"), (1_500, "1.50K"), (3.21e6, "3.21M"), (1.2e9, "1.20B")]
)
def test_volumes_for_people(volume: float, text: str) -> None:
    assert short(volume) == text
