"""harness/report_days.py: days that are judged as they should be, and one that is not."""

import pytest

from harness import report_days


def test_days_are_counted_by_kind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "20")
    asked = ["--symbols", "40", "--seeds", "1", "--only", "nothing happens"]
    assert report_days.main([*asked, "--only", "300 stalls"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 of 1 fair days say GO", "0 of 1 sabotaged days say GO",
    ]  # fmt: skip


def test_sabotaged_day_that_says_go_is_wrong() -> None:
    assert report_days.Judged("300 stalls", 1, {"connection"}).right
    assert not report_days.Judged("300 stalls", 1, set()).right
    assert not report_days.Judged("nothing happens", 1, {"span"}).right
