"""Findings in the log."""

import pytest

from funding.health.findings import Check, error, info, warning
from funding.watchdog.findings_log import REPORT_SECONDS, FindingsLog
from tests.support.clock import ManualClock

LATE = error(Check.FRAME, "the last frame is 61 s old")
LATER = error(Check.FRAME, "the last frame is 66 s old")
FINE = info(Check.FRAME, "the last frame is 0.1 s old")


@pytest.fixture
def hand() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log(hand: ManualClock, caplog: pytest.LogCaptureFixture) -> FindingsLog:
    caplog.set_level("INFO")
    return FindingsLog(hand.clock())


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]


def test_check_is_logged_when_it_fails_and_when_it_recovers(
    hand: ManualClock, log: FindingsLog, caplog: pytest.LogCaptureFixture
) -> None:
    for finding in (FINE, LATE, LATER, FINE, FINE, FINE, LATE):
        log.write([finding])
        hand.advance(5.0)
    assert messages(caplog) == [
        "the last frame is 61 s old", "frame: recovered", "the last frame is 61 s old"
    ]  # fmt: skip


def test_frame_in_the_middle_of_an_outage_is_not_a_recovery(
    hand: ManualClock, log: FindingsLog, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        for finding in (LATE, FINE, FINE):
            log.write([finding])
            hand.advance(4.9)
    assert messages(caplog) == ["the last frame is 61 s old"]
    hand.advance(0.3)
    log.write([FINE])
    assert messages(caplog)[1:] == ["frame: recovered"]


def test_check_that_becomes_worse_is_logged_again_and_has_not_recovered(
    log: FindingsLog, caplog: pytest.LogCaptureFixture
) -> None:
    log.write([warning(Check.DISK, "400 MB left")])
    log.write([error(Check.DISK, "40 MB left")])
    assert messages(caplog) == ["400 MB left", "40 MB left"]


def test_whole_report_is_logged_each_hour(
    hand: ManualClock, log: FindingsLog, caplog: pytest.LogCaptureFixture
) -> None:
    for passed in (0.0, REPORT_SECONDS - 1):
        hand.advance(passed)
        log.write([FINE])
    assert messages(caplog) == []
    for passed in (1.0, 1.0):
        hand.advance(passed)
        log.write([FINE])
    report = messages(caplog)
    assert report[0].startswith("Funding service, 20")
    assert "  - the last frame is 0.1 s old" in report
    assert report.count("STATUS: HEALTHY") == 1


def test_second_exchange_is_logged_while_the_first_still_fails(
    hand: ManualClock, log: FindingsLog, caplog: pytest.LogCaptureFixture
) -> None:
    kucoin = error(Check.FEED, "kucoin: not connected", "kucoin")
    backpack = error(Check.FEED, "backpack: not connected", "backpack")
    for findings in ([kucoin], [kucoin, backpack], [backpack], [backpack], [backpack]):
        log.write(findings)
        hand.advance(5.0)
    assert messages(caplog) == [
        "kucoin: not connected", "backpack: not connected", "kucoin: feed: recovered"
    ]  # fmt: skip
