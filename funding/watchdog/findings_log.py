"""Findings in the log: what has changed since the last look, and the whole report each hour."""

import logging
from collections.abc import Sequence

from funding.health import report
from funding.health.findings import Check, Finding, Level
from funding.runtime.clock import Clock
from funding.runtime.schedule import Every
from funding.watchdog.troubles import RECOVERY_SECONDS

log = logging.getLogger("watchdog")

REPORT_SECONDS = 3_600.0


class FindingsLog:
    """Logs a check when it fails, and when it has recovered. For one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._report = Every(REPORT_SECONDS, first=clock.uptime() + REPORT_SECONDS)
        self._failing: set[tuple[Check, Level]] = set()
        self._well_since: dict[Check, float] = {}

    def write(self, findings: Sequence[Finding]) -> None:
        """Log what is new in `findings`; all of them when the hour is over."""
        now = self._clock.uptime()
        if self._report.due(now):
            for line in report.as_text(findings, self._clock.wall()).splitlines():
                log.info("%s", line)
        failing: set[tuple[Check, Level]] = {
            (finding.check, finding.level) for finding in findings if finding.level != Level.INFO
        }
        for finding in findings:
            if (finding.check, finding.level) in failing - self._failing:
                log.warning("%s", finding.text)
        self._failing = failing | self._not_yet_recovered({check for check, _ in failing}, now)

    def _not_yet_recovered(self, failing: set[Check], now: float) -> set[tuple[Check, Level]]:
        """Those that failed before, and are well for too short a time; the others are logged."""
        before = {check for check, _ in self._failing}
        self._well_since = {check: self._well_since.get(check, now) for check in before - failing}
        recovered = {
            check for check, at in self._well_since.items() if now - at >= RECOVERY_SECONDS
        }
        for check in sorted(recovered):
            log.info("%s: recovered", check)
            del self._well_since[check]
        return {each for each in self._failing if each[0] in self._well_since}
