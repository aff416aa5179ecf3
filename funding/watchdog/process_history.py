"""Which process of each program runs, and how the one before it ended: by our order, by a crash,
or by an operator."""

from collections.abc import Iterable

from funding.health.facts import Process, ProcessState
from funding.model.event import Event, EventKind
from funding.watchdog.audit_trail import SOURCE, AuditTrail
from funding.watchdog.restart_rules import RuleName
from funding.watchdog.supervisor import PluginReport

GONE = {ProcessState.BACKOFF, ProcessState.FATAL, ProcessState.EXITED, ProcessState.STOPPED}


class ProcessHistory:
    """Writes crashes and replacements into `trail`. For one thread.

    `began` is when this watchdog began (Unix seconds): earlier ends may have been dealt with by
    the watchdog before it.
    """

    def __init__(self, trail: AuditTrail, began: float) -> None:
        self._trail = trail
        self._began = began
        self._running: dict[str, int] = {}  # the process last seen of each program
        self._explained: dict[str, int] = {}  # the last one whose end is explained

    def end_ordered(self, program: str, pid: int) -> None:
        """The watchdog sent TERM to process `pid`: its end is not a crash."""
        self._explained[program] = pid

    def restarted(self, program: str, pid: int) -> None:
        """Process `pid` follows one that the watchdog ended: it is not a replacement."""
        self._running[program] = pid

    def take(self, report: PluginReport) -> None:
        """Take a report of supervisor_plugin: a start, a stop, a crash, unless that end was
        ordered, or a kill."""
        program, kind = report.program, report.kind
        source = SOURCE if kind is EventKind.KILL else program
        rule = RuleName.HUNG_WATCHDOG if kind is EventKind.KILL else report.rule or None
        event = Event(report.at, source, kind, report.text, program, rule)
        ordered = report.pid and self._explained.get(program) == report.pid
        if kind is EventKind.CRASH and ordered:
            return
        if report.at <= self._began and self._trail.explains(event):
            return
        if kind is EventKind.START:
            self._trail.add(event)
            return
        self._explained[program] = report.pid
        if kind is EventKind.STOP:
            self._trail.add(event)
        else:
            self._trail.warn(event)

    def observe(self, processes: Iterable[Process], now: float) -> None:
        """Note the processes that run at `now` (Unix seconds) and those that are gone."""
        for process in processes:
            name = process.name
            if process.is_running:
                self._note_replacement(process, now)
                self._running[name] = process.pid
            elif process.state in GONE:
                self._running.pop(name, None)

    def _note_replacement(self, process: Process, now: float) -> None:
        """A new process where neither we nor a crash ended the one before: an operator did, or
        the plugin reports the crash with the next heartbeat."""
        name, before = process.name, self._running.get(process.name)
        if before not in (None, process.pid, self._explained.get(name)):
            text = f"{name} is a new process: {before} → {process.pid}"
            self._trail.add(Event(now, SOURCE, EventKind.REPLACED, text, name))
