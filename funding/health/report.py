"""The watchdog's report, as text for people and as data for programs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from funding.health.findings import Check, Finding, Level

OF_THE_STREAM = {Check.INGEST, Check.FEED, Check.FRAME, Check.STANDBY}
"""What is wrong with the stream, or with who receives it, alone: while REST stands in, the data is
fresh all the same."""


def healthy(findings: Sequence[Finding]) -> bool:
    """Whether none of the findings is an error."""
    return not any(finding.level is Level.ERROR for finding in findings)


def _status(findings: Sequence[Finding]) -> str:
    if healthy(findings):
        return "HEALTHY"
    wrong = {finding.check for finding in findings if finding.level is Level.ERROR}
    degraded = Check.STANDBY in wrong <= OF_THE_STREAM
    return "DEGRADED - REST STANDS IN" if degraded else "UNHEALTHY - ACTION REQUIRED"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_text(findings: Sequence[Finding], at: float) -> str:
    """The report at `at` Unix seconds; its last line is the status."""
    lines = [f"Funding service, {_time(at)}"]
    for level in Level:
        texts = [finding.text for finding in findings if finding.level is level]
        lines += ["", level.value, *(f"  - {text}" for text in texts or ["none"])]
    return "\n".join([*lines, "", f"STATUS: {_status(findings)}"])


def as_data(findings: Sequence[Finding], at: float) -> dict[str, Any]:
    """The same as a value for JSON."""
    return {
        "time": _time(at),
        "status": _status(findings),
        "healthy": healthy(findings),
        **{
            level.value.lower(): [
                {"check": finding.check, "text": finding.text}
                for finding in findings
                if finding.level is level
            ]
            for level in Level
        },
    }
