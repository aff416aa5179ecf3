"""What alerts become."""

import json

from funding.model.alert import Alert, idempotency_key, iso, posts, without_none

ALERT = Alert(
    "volume_alert 币安人生USDT 0 SPIKE", "volume_alert", "币安人生USDT", "SPIKE", 0.0,
    "币安人生 — SPIKE!", "/api/volume-alerts/ingest", {"symbol": "币安人生USDT", "price": 1.5},
)  # fmt: skip


def test_each_target_gets_one_post_and_telegram_the_message() -> None:
    backend, dev, telegram = posts(ALERT, ["backend", "backend-dev", "telegram"])
    assert (backend.target, backend.path) == ("backend", "/api/volume-alerts/ingest")
    assert json.loads(backend.body) == ALERT.body
    assert dev == backend._replace(target="backend-dev")
    assert json.loads(telegram.body) == {"text": "币安人生 — SPIKE!"}
    assert telegram.path == ""


def test_idempotency_key_fits_a_header_and_never_changes() -> None:
    key = idempotency_key(ALERT.key)
    assert key == "9073d8a54a1734db9d135bb3d25c9ed8" == posts(ALERT, ["x"])[0].idempotency_key
    assert key != idempotency_key(ALERT.key + "x")


def test_times_are_utc_with_whole_seconds() -> None:
    assert iso(1_764_720_000.999) == "2025-12-03T00:00:00Z"


def test_none_is_left_out_and_zero_is_not() -> None:
    assert without_none({"a": None, "b": 0.0, "c": False}) == {"b": 0.0, "c": False}
