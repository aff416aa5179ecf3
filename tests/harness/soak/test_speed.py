"""Settings at another speed."""

from harness.soak.speed import Speed
from tests.harness.soak.worlds import SPEED


def test_settings_that_are_seconds_shrink() -> None:
    assert Speed(1.0, False).settings()["FUNDING_STALL_AFTER"] == 5.0
    assert SPEED.settings()["FUNDING_STALE_AFTER"] == 36.0
    assert SPEED.tick == 0.2


def test_no_setting_becomes_too_small_to_work_with() -> None:
    assert Speed(20.0, False).stall == 0.5
    assert "FUNDING_MIN_SYMBOLS" not in Speed(20.0, False).settings()
