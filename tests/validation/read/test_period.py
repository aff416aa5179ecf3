"""The period: what is asked for, in words and in seconds."""

from pathlib import Path

import pytest

from tests.support.report_days import failed, run
from tests.support.report_world import END, HOUR
from validation.errors import NoReport
from validation.read.period import Period, asked_period, seconds_before
from validation.render import text


@pytest.mark.parametrize(
    ("written", "seconds"), [("24h", 86_400), ("90m", 5_400), ("1.5d", 129_600), ("30s", 30)]
)
def test_length_of_a_period(written: str, seconds: float) -> None:
    assert seconds_before(written) == seconds


def test_period_of_iso_times_ends_at_the_given_time(world: Path) -> None:
    since, until = text.iso(END - 24.15 * HOUR), text.iso(END - HOUR)
    code, report = run(world, "--since", since, "--until", until)
    assert code == 1
    assert failed(report) == {"span", "funding settlements"} & failed(report)
    assert "span" in failed(report)
    assert report["coverage"]["since"] == pytest.approx(END - 24.15 * HOUR, abs=1)
    assert run(world, "--since", "2d")[0] == 0


def test_relative_period_begins_one_permitted_gap_earlier() -> None:
    assert asked_period("1h", None, 10_000.0) == (10_000.0 - 3_600 - 600, 10_000.0)
    assert asked_period("1970-01-01T01:00", "1970-01-01T03:00+01:00", 0.0) == (3_600.0, 7_200.0)


@pytest.mark.parametrize("since", ["0.5", "h", "-1h", "1000000h", "24 h", "", "1w"])
def test_unreadable_period_is_refused(since: str) -> None:
    assert seconds_before(since) is None
    with pytest.raises(NoReport, match="--since"):
        asked_period(since, None, 0.0)


def test_shares_of_a_short_period_have_a_divisor() -> None:
    assert Period(0, 9, 0, 9, [], 9, [], 0, 0, 9).hours == 1
    assert Period(0, 9_000, 0, 7_200, [], 9, [], 0, 0, 9).hours == 2
