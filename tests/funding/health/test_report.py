"""The watchdog's report."""

import json

import pytest

from funding.health.findings import Check, error, info, warning
from funding.health.report import as_data, as_text

AT = 1_764_725_610.0
FINDINGS = [
    info(Check.FEED, "connected"),
    warning(Check.STALE, "3 stale symbols"),
    error(Check.API, "the API does not answer"),
]


def test_report_as_text() -> None:
    assert as_text(FINDINGS, AT) == (
        "Funding service, 2025-12-03T01:33:30Z\n"
        "\n"
        "INFO\n"
        "  - connected\n"
        "\n"
        "WARNINGS\n"
        "  - 3 stale symbols\n"
        "\n"
        "ERRORS\n"
        "  - the API does not answer\n"
        "\n"
        "STATUS: UNHEALTHY - ACTION REQUIRED"
    )


def test_warnings_alone_are_healthy() -> None:
    text = as_text(FINDINGS[:2], AT)
    assert text.splitlines()[-1] == "STATUS: HEALTHY"
    assert "ERRORS\n  - none" in text


def test_report_as_data() -> None:
    assert json.loads(json.dumps(as_data(FINDINGS, AT))) == {
        "time": "2025-12-03T01:33:30Z",
        "status": "UNHEALTHY - ACTION REQUIRED",
        "healthy": False,
        "info": [{"check": "feed", "text": "connected"}],
        "warnings": [{"check": "stale", "text": "3 stale symbols"}],
        "errors": [{"check": "api", "text": "the API does not answer"}],
    }
    assert as_data([], AT)["healthy"] is True


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ({Check.STANDBY}, "DEGRADED - REST STANDS IN"),
        ({Check.STANDBY, Check.FEED, Check.FRAME}, "DEGRADED - REST STANDS IN"),
        ({Check.STANDBY, Check.FEED, Check.INGEST}, "DEGRADED - REST STANDS IN"),
        ({Check.STANDBY, Check.API}, "UNHEALTHY - ACTION REQUIRED"),
        ({Check.FEED, Check.FRAME}, "UNHEALTHY - ACTION REQUIRED"),
    ],
)
def test_degraded_is_said_and_is_not_healthy(checks: set[Check], status: str) -> None:
    findings = [warning(Check.API, "slow"), *(error(each, "words") for each in checks)]
    assert as_text(findings, AT).splitlines()[-1] == f"STATUS: {status}"
    assert (as_data(findings, AT)["status"], as_data(findings, AT)["healthy"]) == (status, False)
