"""The part of the watchdog that runs inside supervisord.

It kills a watchdog that hangs, since no other program stands above it. It sees each start and each
end of a program, the watchdog included. It opens the API's listening socket where the settings say,
and keeps it open while all of the API's processes are replaced. It lets supervisord listen again
when somebody has removed its socket, and starts the consumers that ran before supervisord ended.

supervisord.conf names `make` as the factory of an RPC interface. The watchdog calls `beat` before
each look, and receives reports of what happened. A report is repeated until the watchdog says that
it is stored, so that a new watchdog receives what the dead one did not store.

# Facts
(supervisor 4.3.0, each seen happening)
- A factory gets the Supervisor object, after all subscriptions to events have been cleared. What
  it subscribes is called in supervisord's own loop, and an exception there ends supervisord.
- `Process.signal` leaves autorestart in force, `Process.kill` is a stop.
- Methods whose names begin with an underscore cannot be called from outside.
- What a factory raises ends supervisord, with two tracebacks and without the reason.
- SupervisorStoppingEvent comes before the first program is stopped, on `reload` too.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from supervisor import events
from supervisor.states import ProcessStates

from funding.errors import SettingError
from funding.exchanges.table import EXCHANGES
from funding.settings import machines, service
from funding.watchdog.supervisor_plugin.ingests import add_ingests, add_publish
from funding.watchdog.supervisor_plugin.programs import FILE, StartedPrograms
from funding.watchdog.supervisor_plugin.reports import PluginReport, Reports
from funding.watchdog.supervisor_plugin.sockets import ControlSocket, HeldSocket

GROUP, PROGRAM = "funding", "watchdog"
FIRST_BEAT_SECONDS = 30.0  # within which a new watchdog calls `beat`
TICK_SECONDS = events.Tick5Event.period


class Guard:
    """The RPC interface `guard`. `clock` gives seconds that never step, `wall` Unix seconds.

    `address` is where the API listens, `texts` has the text of each setting, `exchanges` are those
    that have an ingest program each, and with `publishes` there is one that publishes.
    """

    def __init__(
        self,
        supervisord: Any,
        clock: Callable[[], float],
        wall: Callable[[], float] = time.time,
        address: tuple[str, int] | None = None,
        texts: Mapping[str, str] | None = None,
        exchanges: Sequence[str] = (),
        publishes: bool = False,
    ) -> None:
        self._exchanges = exchanges
        self._publishes = publishes
        self._supervisord = supervisord
        self._address = address
        self._texts = dict(texts or {})
        self._clock = clock
        self._watchdog_pid = 0
        self._beat_due = 0.0
        self._ticked = clock()
        self._reports = Reports(wall)
        self._control = ControlSocket(supervisord.options)
        path = self._control.path
        self._programs = StartedPrograms(path.with_name(FILE) if path else None)
        self._sockets: dict[str, HeldSocket] = {}
        for name in supervisord.process_groups:
            self._hold_socket(name)
            self._add_programs(name)

    def beat(self, pid: int, seconds: float, stored: int = 0) -> list[PluginReport]:
        """The watchdog is process `pid`, calls again within `seconds`, and has stored the reports
        up to number `stored`. Returns the later ones."""
        self._watchdog_pid, self._beat_due = pid, self._clock() + seconds
        return self._reports.after(stored)

    def settings(self) -> dict[str, str]:
        """The text of each setting that the programs of the group read, "" for a default."""
        return self._texts

    def _on_running(self, _event: Any) -> None:
        for process in self._programs.waiting(self._supervisord.process_groups):
            self._safely(process.spawn)

    def _on_stop(self, event: Any) -> None:
        if not self._reports.group_stops:
            self._safely(self._programs.stopping, event.process, self._clock())

    def _on_start(self, event: Any) -> None:
        held = self._sockets.get(event.process.group.config.name)
        if held is not None:
            self._safely(held.listen)

    def _on_state(self, event: Any) -> None:
        self._safely(self._reports.note, event)
        if isinstance(event, events.ProcessStateRunningEvent):
            self._safely(self._programs.started, event.process)
        elif isinstance(event, events.ProcessStateStoppedEvent) and not self._reports.group_stops:
            self._safely(self._programs.stopped, event.process)

    def _on_tick(self, _event: Any) -> None:
        self._safely(self._check_control)
        self._safely(self._check_watchdog)
        for held in self._sockets.values():
            self._safely(held.check, self._clock())

    def _on_group_added(self, event: Any) -> None:
        self._safely(self._hold_socket, event.group)
        self._safely(self._add_programs, event.group)
        self._on_running(event)

    def _on_group_removed(self, event: Any) -> None:
        self._sockets.pop(event.group, None)
        self._safely(self._programs.removed, event.group, self._clock())

    def _on_stopping(self, _event: Any) -> None:
        self._reports.group_stops = True
        # At the interpreter's end supervisord's log is closed already, and to close a socket then
        # is a traceback on the operator's terminal.
        self._sockets.clear()

    def _safely(self, work: Callable[..., object], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception:  # noqa: BLE001 (it would end supervisord, and with it everything)
            self._supervisord.options.logger.critical(traceback.format_exc())

    def _hold_socket(self, name: str) -> None:
        group = self._supervisord.process_groups[name]
        if hasattr(group, "socket_manager"):
            self._sockets[name] = HeldSocket(group, self._address)

    def _add_programs(self, name: str) -> None:
        if name != GROUP:
            return
        group = self._supervisord.process_groups[name]
        if self._publishes:
            add_publish(group)
        add_ingests(group, self._exchanges)

    def _check_control(self) -> None:
        """Nobody can beat at a socket that is not there."""
        try:
            missing = self._control.restore()
        except OSError:
            self._beat_due = max(self._beat_due, self._clock() + FIRST_BEAT_SECONDS)
            raise
        if missing:
            self._supervisord.options.logger.critical(
                "supervisord's socket was gone: listening again"
            )
            self._beat_due = max(self._beat_due, self._clock() + FIRST_BEAT_SECONDS)

    def _check_watchdog(self) -> None:
        now = self._clock()
        delay = now - self._ticked - TICK_SECONDS
        self._ticked = now
        group = self._supervisord.process_groups.get(GROUP)
        process = group.processes.get(PROGRAM) if group is not None else None
        if process is None or process.get_state() != ProcessStates.RUNNING:
            return
        if process.pid != self._watchdog_pid:
            self._watchdog_pid, self._beat_due = process.pid, now + FIRST_BEAT_SECONDS
        elif delay > 1.0:
            self._beat_due += delay  # supervisord was held up, and calls wait in its queue
        elif now > self._beat_due:
            text = f"{GROUP}:{PROGRAM} (hung watchdog): no beat of process {process.pid}"
            self._reports.kill(f"{GROUP}:{PROGRAM}", process.pid, text)
            self._supervisord.options.logger.critical(text)
            self._beat_due = now + FIRST_BEAT_SECONDS
            process.signal(signal.SIGKILL)


def _refuse(reason: str) -> NoReturn:
    """End supervisord before it has started anything, with one line."""
    print(f"supervisord: {reason}", file=sys.stderr, flush=True)
    os._exit(2)


def make(supervisord: Any, **_options: Any) -> Guard:
    """The factory. Ends supervisord when a setting is wrong, or the API's address is not free."""
    try:
        settings, _ = service.load()
        texts = service.load_texts()
        publishes = bool(machines.load().nats_url)
    except SettingError as error:
        _refuse(str(error))
    address = settings.api_host, settings.api_port
    try:
        guard = Guard(
            supervisord,
            time.monotonic,
            address=address,
            texts=texts,
            exchanges=[n for n in settings.exchanges if not EXCHANGES[n].carried_by],
            publishes=publishes,
        )
    except OSError as error:
        _refuse(f"cannot listen on {address[0]}:{address[1]}: {error.strerror}")
    events.subscribe(events.Tick5Event, guard._on_tick)
    events.subscribe(events.SupervisorRunningEvent, guard._on_running)
    events.subscribe(events.ProcessStateStartingEvent, guard._on_start)
    events.subscribe(events.ProcessStateStoppingEvent, guard._on_stop)
    for state in (
        events.ProcessStateRunningEvent,
        events.ProcessStateStoppedEvent,
        events.ProcessStateExitedEvent,
        events.ProcessStateBackoffEvent,
    ):
        events.subscribe(state, guard._on_state)
    events.subscribe(events.ProcessGroupAddedEvent, guard._on_group_added)
    events.subscribe(events.ProcessGroupRemovedEvent, guard._on_group_removed)
    events.subscribe(events.SupervisorStoppingEvent, guard._on_stopping)
    return guard
