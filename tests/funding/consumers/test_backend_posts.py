"""What the backend takes: volume alerts, open-interest alerts, samples."""

import json
from typing import Any

import pytest

from funding.consumers.backend_posts import (
    SAMPLES_PATH,
    abbreviated,
    open_interest_alert,
    sample_posts,
    volume_alert,
)
from funding.consumers.open_interest_rules import Change
from funding.consumers.volume_rules import Candle, Kind, VolumeAlert
from funding.model.alert import UNKNOWN, MarkAndRate
from funding.model.open_interest import Direction, Sample, Timeframe

HOUR = 1_764_720_000  # 2025-12-03T00:00:00Z
S = "BTCUSDT"


def volume_body(kind: Kind = Kind.SPIKE, **changes: Any) -> dict[str, Any]:
    due = VolumeAlert(S, HOUR, kind, Candle(10.0, 11.0, 9e6), 2e6)
    options: dict[str, Any] = {
        "asset": "BTC", "current": MarkAndRate(10.5, 0.0001), "oi_change": 0.02,
        "scan_time": HOUR + 600, "now": HOUR + 612.7, "missing_as_zero": False,
    }  # fmt: skip
    return dict(volume_alert(due, **options | changes).body)


def test_volume_alert_is_what_the_backend_expects() -> None:
    assert volume_body() == {
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


def test_update_of_a_volume_alert_is_marked_as_one() -> None:
    half, full = volume_body(Kind.HALF_UPDATE), volume_body(Kind.FULL_UPDATE)
    assert (half["isUpdate"], half["alertType"]) == (True, Kind.HALF_UPDATE)
    assert half["message"].startswith("HALF-UPDATE: BTC")
    assert full["message"].startswith("UPDATE: BTC")


def test_missing_values_are_absent_or_by_option_zero() -> None:
    body = volume_body(current=UNKNOWN, oi_change=None)
    assert not {"fundingRate", "oiChange"} & body.keys()
    assert body["price"] == 11.0  # the candle's last: known, and no zero
    assert volume_body(current=UNKNOWN, missing_as_zero=True)["fundingRate"] == 0.0
    assert volume_body(current=UNKNOWN, missing_as_zero=True)["price"] == 11.0
    assert (
        volume_body(current=MarkAndRate(1.0, -0.001), missing_as_zero=True)["fundingRate"] == -0.001
    )


def test_candle_that_did_not_rise_is_bearish() -> None:
    for close in (9.0, 10.0):
        due = VolumeAlert(S, HOUR, Kind.SPIKE, Candle(10.0, close, 9e6), 2e6)
        body = volume_alert(
            due, asset="BTC", current=UNKNOWN, oi_change=None, scan_time=HOUR, now=HOUR,
            missing_as_zero=False,
        ).body  # fmt: skip
        assert body["candleDirection"] == "bearish"
        assert body["priceChange"] == pytest.approx((close - 10) / 10)


CHANGE = Change(
    Timeframe("5MIN", "5 min", 300.0, 0.03, 600.0),
    Direction.UP,
    Sample(HOUR, S, 1e6, 2.0),
    Sample(HOUR + 300, S, 1.05e6, 2.1),
)


def test_open_interest_alert_is_what_the_backend_expects() -> None:
    alert = open_interest_alert(CHANGE, MarkAndRate(2.1, 0.0001), missing_as_zero=False)
    assert (alert.kind, alert.at) == ("UP 5MIN", HOUR + 300)
    assert alert.message == "BTCUSDT open interest UP +5.00% (+50,000 contracts) in 5 min"
    assert alert.body == {
        "symbol": S, "direction": "UP", "baseline": 1e6, "current": 1.05e6,
        "pctChange": pytest.approx(0.05), "absChange": 5e4, "timestamp": "2025-12-03T00:05:00Z",
        "source": "oi_realtime_poller", "timeframe": "5 min", "priceChange": pytest.approx(0.05),
        "fundingRate": 0.0001,
    }  # fmt: skip


@pytest.mark.parametrize(("zero", "rate"), [(False, None), (True, 0.0)])
def test_missing_rate_of_open_interest_is_absent_or_by_option_zero(
    zero: bool, rate: float | None
) -> None:
    alert = open_interest_alert(CHANGE, UNKNOWN, missing_as_zero=zero)
    assert alert.body.get("fundingRate") == rate


def test_samples_are_posted_by_the_hundred_to_each_target() -> None:
    samples = [Sample(HOUR, f"S{number}USDT", 10.0, 2.0) for number in range(101)]
    posts = sample_posts(samples, ["backend", "other"], HOUR, missing_as_zero=False)
    assert [(post.target, post.path) for post in posts] == [
        ("backend", SAMPLES_PATH), ("backend", SAMPLES_PATH),
        ("other", SAMPLES_PATH), ("other", SAMPLES_PATH),
    ]  # fmt: skip
    assert [json.loads(post.body)["totalSymbols"] for post in posts] == [100, 1, 100, 1]
    assert len({post.idempotency_key for post in posts[:2]}) == 2


@pytest.mark.parametrize(
    ("volume", "text"), [(9, "9"), (1_500, "1.50K"), (3.21e6, "3.21M"), (1.2e9, "1.20B")]
)
def test_volumes_are_abbreviated_for_people(volume: float, text: str) -> None:
    assert abbreviated(volume) == text
