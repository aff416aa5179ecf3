"""Carries out what the restart rules decide: orders to supervisord, KILL for what does not end,
and the restart budget."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from funding import errors
from funding.health.facts import Facts, Probe, Process
from funding.model.event import Event, EventKind
from funding.watchdog.audit_trail import SOURCE, AuditTrail
from funding.watchdog.process_history import ProcessHistory
from funding.watchdog.restart_decision import decide, kill_due
from funding.watchdog.restart_rules import Action, BadProbes, PastRestart, Verb
from funding.watchdog.supervisor import SupervisorClient

log = logging.getLogger("watchdog")

KINDS = {Verb.TERM: EventKind.RESTART, Verb.KILL: EventKind.KILL, Verb.START: EventKind.START}
HISTORY_SECONDS = 3_600.0
GIVE_UP_SECONDS = 30.0
"""A process that outlives KILL for this long hangs in the kernel; it is not watched more closely
than others any longer."""


@dataclass(slots=True)
class _PendingEnd:
    """A process that was sent TERM, when (uptime), and whether KILL followed."""

    pid: int
    since: float
    killed: bool = False


class Restarter:
    """Restarts programs, within the budget. For one thread."""

    def __init__(
        self, supervisor: SupervisorClient, trail: AuditTrail, history: ProcessHistory
    ) -> None:
        self._supervisor = supervisor
        self._trail = trail
        self._history = history
        self._bad_probes: dict[str, BadProbes] = {}
        self._pending: dict[str, _PendingEnd] = {}
        self._past: list[PastRestart] = []
        self._over_budget: set[str] = set()

    @property
    def is_pending(self) -> bool:
        """Whether a process was sent TERM and has not ended yet."""
        return bool(self._pending)

    def act(self, facts: Facts, now: float, uptime: float) -> None:
        """Do what the rules decide at `now` (Unix seconds), which is `uptime` since boot."""
        self._recall(now)
        self._count(facts.process_probes)
        self._follow_up(facts, now, uptime)
        actions, over_budget = decide(facts, self._bad_probes, self._past, now)
        for action in actions:
            process = facts.process(action.program)
            if action.program in self._pending or process is None:
                continue
            if self._order(action, process, now) and action.verb is Verb.TERM:
                self._history.end_ordered(action.program, process.pid)
                self._pending[action.program] = _PendingEnd(process.pid, uptime)
        # A process that was just sent TERM has used up the budget and still hangs: that restart
        # is under way and does not wait.
        waiting = {name: text for name, text in over_budget.items() if name not in self._pending}
        for name in sorted(waiting.keys() - self._over_budget):
            self._trail.warn(Event(now, SOURCE, EventKind.WAITING, waiting[name], name))
        self._over_budget = set(waiting)

    def _count(self, probes: Mapping[str, Probe]) -> None:
        for name, probe in probes.items():
            missed, failed = self._bad_probes.get(name, BadProbes())
            self._bad_probes[name] = BadProbes(
                0 if probe.answered else missed + 1,
                0 if probe.answered and probe.serves else failed + 1,
            )

    def _follow_up(self, facts: Facts, now: float, uptime: float) -> None:
        """See that the processes that were sent TERM have ended; send KILL to those that have
        not."""
        for name, pending in list(self._pending.items()):
            process = facts.process(name)
            if facts.processes is not None and (process is None or process.pid != pending.pid):
                del self._pending[name]
                if process is not None and process.pid:
                    self._history.restarted(name, process.pid)
                continue
            kill = kill_due(process, pending.pid, pending.since, uptime)
            if kill is not None and process is not None and not pending.killed:
                pending.killed = self._order(kill, process, now)
            elif uptime - pending.since > GIVE_UP_SECONDS:
                del self._pending[name]

    def _order(self, action: Action, process: Process, now: float) -> bool:
        """Carry out `action` on `process`; whether that was accepted. A supervisord that does not
        answer is not needed for a signal: it sees the end, and starts the program again."""
        program, verb = action.program, action.verb
        log.warning("%s %s: %s", verb, program, action.reason)
        try:
            if verb is Verb.START:
                self._supervisor.start(program)
            elif self._supervisor.reachable:
                self._supervisor.signal(program, verb)
            else:
                self._supervisor.signal_directly(process, verb)
        except errors.SupervisorError as error:
            log.error("%s", error)
            return False
        self._bad_probes[program] = BadProbes()
        if verb is not Verb.KILL:
            self._past.append(PastRestart(now, program, action.rule))
        detail = f"{program} ({action.rule}): {action.reason}"
        self._trail.add(Event(now, SOURCE, KINDS[verb], detail, program, action.rule))
        return True

    def _recall(self, now: float) -> None:
        """The restart budget outlives this process: it is read from the audit trail."""
        self._past = [past for past in self._past if now - past.at < HISTORY_SECONDS]
        if not self._past:
            self._past = self._trail.restarts(now - HISTORY_SECONDS)
