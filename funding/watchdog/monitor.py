"""One look of the watchdog: facts → findings and actions → supervisord and the audit trail.

The world is handed in; `look` and `act` are called by watchdog.py, which sets their rhythm.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from funding import errors
from funding.health import checks
from funding.model.event import Event, EventKind
from funding.runtime.clock import Clock
from funding.settings.service import Settings
from funding.store.ledger import Ledger
from funding.store.reader import Reader
from funding.watchdog import restart_rules
from funding.watchdog.collector import FactsCollector
from funding.watchdog.supervisor import PluginReport, SupervisorClient

log = logging.getLogger("watchdog")

SOURCE = "watchdog"
PROGRAM = "funding:watchdog"
KINDS = {"TERM": EventKind.RESTART, "KILL": EventKind.KILL, "START": EventKind.START}
REMEMBER_SECONDS = 3_600.0
GIVE_UP_SECONDS = 30.0
"""What outlives KILL for so long hangs in the kernel, and is looked at no oftener than others."""

ORDER_SECONDS = 60.0
"""An order is obeyed within less, or by KILL."""

ROUND_SECONDS = 30.0
"""Longer than one look and its actions can take, with everything that may be waited for."""


@dataclass(slots=True)
class _Pending:
    """A process that was sent TERM, when (uptime), and whether KILL followed."""

    pid: int
    since: float
    killed: bool = False


class Monitor:
    """Looks, decides, acts and remembers. For one thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        reader: Reader,
        ledger: Ledger,
        control: SupervisorClient,
        clock: Clock,
        comparing: Callable[[], checks.LastComparison | None],
    ) -> None:
        self._ledger = ledger
        self._control = control
        self._clock = clock
        self._lookout = FactsCollector(
            settings, reader=reader, control=control, clock=clock, comparing=comparing
        )
        self._round = settings.check_interval + ROUND_SECONDS
        self._missed: dict[str, int] = {}
        self._pending: dict[str, _Pending] = {}
        self._deeds: list[restart_rules.PastRestart] = []
        self._pids: dict[str, int] = {}
        self._ended: dict[str, int] = {}  # whose end, the last of each program, is accounted for
        self._began = clock.wall()
        self._heard = self._stored = 0  # the last that the guard told, and that is in the store
        self._unsaved: list[Event] = []
        self._waiting: set[str] = set()
        self._behind: set[str] = set()

    @property
    def impatient(self) -> bool:
        """Whether a process was told to end and has to be looked at again soon."""
        return bool(self._pending)

    def begin(self) -> None:
        """Write down that this program began: nobody else tells of a restart by an operator."""
        self._unsaved.append(Event(self._began, PROGRAM, EventKind.START, f"pid {os.getpid()}"))

    def beat(self) -> None:
        """Tell supervisord's guard that this program lives, and keep what it did to the last."""
        try:
            told = self._control.beat(os.getpid(), self._round, self._stored)
        except errors.SupervisorError:
            return  # a fact that `look` finds too
        for each in told:
            if each.number > self._heard:
                self._heard = each.number
                self._hear(each)

    def _hear(self, told: PluginReport) -> None:
        """Keep what the guard tells: a process that ended unasked is a crash, unless we asked."""
        kind = EventKind(told.kind)
        crash = kind == EventKind.CRASH
        event = Event(told.at, told.program if crash else SOURCE, kind, told.text)
        ordered = crash and told.pid and self._ended.get(told.program) == told.pid
        if ordered or (told.at <= self._began and self._of_before(event, told.program)):
            return
        self._ended[told.program] = told.pid
        log.warning("%s", told.text)
        self._unsaved.append(event)

    def _of_before(self, event: Event, program: str) -> bool:
        """Whether the watchdog before this one ordered that end, or has written it down."""
        try:
            orders = self._ledger.events(SOURCE, KINDS["TERM"], event.at - ORDER_SECONDS)
            written = self._ledger.events(event.source, event.kind, event.at)
        except errors.StoreError:
            return False
        ours = (each for each in orders if each.detail.startswith(f"{program} ("))
        return event in written or any(each.at <= event.at for each in ours)

    def look(self) -> checks.Facts:
        """The facts of this moment."""
        return self._lookout.look()

    def act(self, facts: checks.Facts) -> None:
        """Do what the rules ask for, and write down what was done and seen."""
        now, uptime = self._clock.wall(), self._clock.uptime()
        self._recall(now)
        for name, answer in facts.probes.items():
            self._missed[name] = 0 if answer.answered else self._missed.get(name, 0) + 1
        self._notice(facts, now)
        self._follow_up(facts, now, uptime)
        actions, waiting = restart_rules.decide(facts, self._missed, self._deeds, now)
        for action in actions:
            process = facts.process(action.program)
            if action.program in self._pending or process is None:
                continue
            if self._order(action, now) and action.verb == "TERM":
                self._ended[action.program] = process.pid
                self._pending[action.program] = _Pending(process.pid, uptime)
        # What was told to end just now is not waiting yet, though its budget is spent with that.
        waiting = {name: text for name, text in waiting.items() if name not in self._pending}
        for program in waiting.keys() - self._waiting:
            self._say(waiting[program], EventKind.WAITING, now)
        self._waiting = set(waiting)
        self._save()

    def _follow_up(self, facts: checks.Facts, now: float, uptime: float) -> None:
        """See that what was sent TERM has ended, and KILL it else."""
        for name, pending in list(self._pending.items()):
            process = facts.process(name)
            if facts.processes is not None and (process is None or process.pid != pending.pid):
                del self._pending[name]
                if process is not None and process.pid:
                    self._pids[name] = process.pid  # it is new by our order
                continue
            kill = restart_rules.escalate(process, pending.pid, pending.since, uptime)
            if kill is not None and not pending.killed:
                pending.killed = self._order(kill, now)
            elif uptime - pending.since > GIVE_UP_SECONDS:
                del self._pending[name]

    def _order(self, action: restart_rules.Action, now: float) -> bool:
        """Carry out `action`; whether supervisord took it."""
        log.warning("%s %s: %s", action.verb, action.program, action.reason)
        try:
            if action.verb == "START":
                self._control.start(action.program)
            else:
                self._control.signal(action.program, action.verb)
        except errors.SupervisorError as error:
            log.error("%s", error)
            return False
        self._missed[action.program] = 0
        if action.verb != "KILL":
            self._deeds.append(restart_rules.PastRestart(now, action.program, action.rule))
        detail = f"{action.program} ({action.rule}): {action.reason}"
        kind = KINDS[action.verb]
        self._unsaved.append(Event(now, SOURCE, kind, detail, action.program, action.rule))
        return True

    def _notice(self, facts: checks.Facts, now: float) -> None:
        """What changed since the last look, for the audit trail."""
        for process in facts.processes or ():
            self._notice_end(process, now)
        if abs(facts.clock_step) > checks.CLOCK_STEP_SECONDS:
            text = f"the wall clock stepped by {facts.clock_step:+.1f} s"
            self._unsaved.append(Event(now, SOURCE, EventKind.CLOCK_STEP, text))
        behind = checks.symbols_behind(facts)
        newly = [symbol for symbol in behind if symbol not in self._behind]
        self._behind = set(behind)
        if newly:
            self._say(f"symbols behind the others: {checks.named(newly)}", EventKind.BEHIND, now)

    def _notice_end(self, process: checks.Process, now: float) -> None:
        """Whether another process runs than was seen before, though neither we nor a crash ended
        that: an operator did, or the guard tells of the crash with the next beat."""
        before, name = self._pids.get(process.name), process.name
        if process.state == "RUNNING":
            self._pids[name] = process.pid
            if before not in (None, process.pid, self._ended.get(name)):
                text = f"{name} is a new process: {before} → {process.pid}"
                self._unsaved.append(Event(now, SOURCE, EventKind.REPLACED, text))
        elif process.state in ("BACKOFF", "FATAL", "EXITED", "STOPPED"):
            self._pids.pop(name, None)

    def _say(self, text: str, kind: EventKind, now: float) -> None:
        log.warning("%s", text)
        self._unsaved.append(Event(now, SOURCE, kind, text))

    def _recall(self, now: float) -> None:
        """The restart budget outlives this process: it is read from the audit trail."""
        self._deeds = [deed for deed in self._deeds if now - deed.at < REMEMBER_SECONDS]
        if self._deeds:
            return
        try:
            for kind in (EventKind.RESTART, EventKind.START):
                for event in self._ledger.events(SOURCE, kind, now - REMEMBER_SECONDS):
                    program, _, rest = event.detail.partition(" (")
                    rule = rest.partition("):")[0]
                    self._deeds.append(restart_rules.PastRestart(event.at, program, rule))
        except errors.StoreError:
            pass  # no store, no memory: what is broken then is reported as such

    def _save(self) -> None:
        if not self._unsaved:
            self._stored = self._heard
            return
        try:
            self._ledger.add(events=self._unsaved)
        except errors.StoreError as error:
            log.warning("%d events wait: %s", len(self._unsaved), error)
            self._unsaved = self._unsaved[-1_000:]
        else:
            self._unsaved, self._stored = [], self._heard
