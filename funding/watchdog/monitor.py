"""One look of the watchdog and what follows from it: facts → restarts and the audit trail.

The world is handed in. watchdog.py sets the rhythm: `send_heartbeat`, `look`, `act`.
"""

import os
from dataclasses import replace

from funding import errors
from funding.health.checks import clock_stepped, clock_wrong
from funding.health.data_checks import symbols_behind
from funding.health.facts import Facts
from funding.health.findings import first_names
from funding.model.event import Event, EventKind
from funding.runtime.clock import Clock
from funding.store.events import Events
from funding.watchdog.audit_trail import SOURCE, AuditTrail
from funding.watchdog.collector import FactsCollector
from funding.watchdog.health_periods import DATA, HealthPeriods
from funding.watchdog.process_history import ProcessHistory
from funding.watchdog.restarter import Restarter
from funding.watchdog.supervisor import SupervisorClient

PROGRAM = "funding:watchdog"
LONGEST_LOOK_SECONDS = 30.0
"""Longer than one look and its actions can take, with all their timeouts."""


class Monitor:
    """Looks, acts, and writes down what happened. For one thread."""

    def __init__(
        self,
        collector: FactsCollector,
        *,
        events: Events,
        supervisor: SupervisorClient,
        check_interval: float,
        clock: Clock,
    ) -> None:
        self._collector = collector
        self._supervisor = supervisor
        self._clock = clock
        self._began = clock.wall()
        self._trail = AuditTrail(events)
        self._history = ProcessHistory(self._trail, self._began)
        self._periods = HealthPeriods(self._trail, check_interval)
        self._restarter = Restarter(supervisor, self._trail, self._history)
        self._heartbeat_within = check_interval + LONGEST_LOOK_SECONDS
        self._reports_taken = self._reports_stored = 0  # numbers of the plugin's reports
        self._behind: set[str] = set()
        self._clock_wrong = False

    @property
    def restart_pending(self) -> bool:
        """Whether a process was sent TERM and has to be looked at again soon."""
        return self._restarter.is_pending

    def record_start(self) -> None:
        """Write down that this program began: nothing else shows a restart by an operator."""
        self._trail.add(Event(self._began, PROGRAM, EventKind.START, f"pid {os.getpid()}"))

    def send_heartbeat(self) -> None:
        """Tell supervisor_plugin that this program lives, and take the plugin's reports."""
        try:
            reports = self._supervisor.send_heartbeat(
                os.getpid(), self._heartbeat_within, self._reports_stored
            )
        except errors.SupervisorError:
            return  # `look` finds it, too
        for report in reports:
            if report.number > self._reports_taken:
                self._reports_taken = report.number
                self._history.take(report)

    def look(self) -> Facts:
        """The facts of this moment."""
        facts = self._collector.collect()
        if facts.data.serves:
            return facts
        since = self._periods.since(DATA)
        if not self._periods.has_looked and (earlier := self._trail.earlier()):
            since = next((e.at for e in reversed(earlier.unfinished) if e.rule == DATA), None)
        return replace(facts, unhealthy_since=since)

    def act(self, facts: Facts) -> None:
        """Do what the rules ask for, and write down what was done and seen."""
        now, uptime = self._clock.wall(), self._clock.uptime()
        self._history.observe(facts.processes or (), now)
        self._periods.observe(facts, now, uptime)
        self._note_clock(facts, now)
        self._note_behind(facts, now)
        self._restarter.act(facts, now, uptime)
        if self._trail.save():
            self._reports_stored = self._reports_taken

    def _note_clock(self, facts: Facts, now: float) -> None:
        wrong = clock_wrong(facts)
        if wrong and not self._clock_wrong:
            text = f"this machine's clock is wrong by {facts.clock_error:+.0f} s"
            self._trail.warn(Event(now, SOURCE, EventKind.CLOCK, text))
        self._clock_wrong = wrong
        if clock_stepped(facts):
            text = f"the wall clock stepped by {facts.clock_step:+.1f} s"
            self._trail.add(Event(now, SOURCE, EventKind.CLOCK_STEP, text))

    def _note_behind(self, facts: Facts, now: float) -> None:
        behind = symbols_behind(facts)
        newly = [symbol for symbol in behind if symbol not in self._behind]
        self._behind = set(behind)
        if newly:
            text = f"symbols behind the others: {first_names(newly)}"
            self._trail.warn(Event(now, SOURCE, EventKind.BEHIND, text))
