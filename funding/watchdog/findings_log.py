"""Findings in the log: what has changed since the last look, and the whole report each hour."""

import logging
from collections.abc import Sequence

from funding.health import report
from funding.health.findings import Check, Finding, Level
from funding.runtime.clock import Clock
from funding.runtime.schedule import Every

log = logging.getLogger("watchdog")

REPORT_SECONDS = 3_600.0


class FindingsLog:
    """Logs a check when it fails, and when it has recovered. For one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._report = Every(REPORT_SECONDS, first=clock.uptime() + REPORT_SECONDS)
        self._failing: set[tuple[Check, Level]] = set()

    def write(self, findings: Sequence[Finding]) -> None:
        """Log what is new in `findings`; all of them when the hour is over."""
        if self._report.due(self._clock.uptime()):
            for line in report.as_text(findings, self._clock.wall()).splitlines():
                log.info("%s", line)
        failing: set[tuple[Check, Level]] = {
            (finding.check, finding.level) for finding in findings if finding.level != Level.INFO
        }
        for finding in findings:
            if (finding.check, finding.level) in failing - self._failing:
                log.warning("%s", finding.text)
        still = {check for check, _ in failing}
        for check in sorted({check for check, _ in self._failing} - still):
            log.info("%s: recovered", check)
        self._failing = failing
