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


_Subject = tuple[Check, str]
"""A check, and what of several it looks at: an exchange, a program."""


class FindingsLog:
    """Logs a check when it fails, and when it has recovered: each exchange and each program by
    itself. For one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._report = Every(REPORT_SECONDS, first=clock.uptime() + REPORT_SECONDS)
        self._failing: set[tuple[_Subject, Level]] = set()
        self._well_since: dict[_Subject, float] = {}

    def write(self, findings: Sequence[Finding]) -> None:
        """Log what is new in `findings`; all of them when the hour is over."""
        now = self._clock.uptime()
        if self._report.due(now):
            for line in report.as_text(findings, self._clock.wall()).splitlines():
                log.info("%s", line)
        failing: set[tuple[_Subject, Level]] = set()
        for finding in findings:
            if finding.level is not Level.INFO:
                key = ((finding.check, finding.about), finding.level)
                failing.add(key)
                if key not in self._failing:
                    log.warning("%s", finding.text)
        self._failing = failing | self._not_yet_recovered({each for each, _ in failing}, now)

    def _not_yet_recovered(self, failing: set[_Subject], now: float) -> set[tuple[_Subject, Level]]:
        """Those that failed before, and are well for too short a time; the others are logged."""
        before = {each for each, _ in self._failing}
        self._well_since = {each: self._well_since.get(each, now) for each in before - failing}
        recovered = {each for each, at in self._well_since.items() if now - at >= RECOVERY_SECONDS}
        for check, about in sorted(recovered):
            log.info("%s%s: recovered", f"{about}: " if about else "", check)
            del self._well_since[check, about]
        return {each for each in self._failing if each[0] in self._well_since}
