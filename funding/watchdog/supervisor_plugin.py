"""The part of the watchdog that runs inside supervisord.

It kills a watchdog that hangs, since no other program stands above it. It sees every process that
ends unasked, the watchdog included. It opens the API's listening socket where the settings say, and
keeps it open while all of the API's processes are replaced.

supervisord.conf names `make` as the factory of an RPC interface. The watchdog calls `beat` before
each look, and receives reports of what happened. A report is repeated until the watchdog says that
it is stored, so that a new watchdog receives what the dead one did not store.

# Facts
(supervisor 4.3.0, each seen happening)
- A factory gets the Supervisor object, after all subscriptions to events have been cleared. What
  it subscribes is called in supervisord's own loop, and an exception there ends supervisord.
- `Process.signal` leaves autorestart in force, `Process.kill` is a stop.
- The listening socket of an fcgi-program is closed when its last process has ended, and opened
  with the next one. When the port cannot be had then, supervisord ends with a traceback.
- Methods whose names begin with an underscore cannot be called from outside.
- The group of an fcgi-program binds its socket when it is made, before any factory is called, and
  closes it at once; `socket_config` says what is bound the next time. Its file can name no variable
  that may be missing, so it names a placeholder.
- What a factory raises ends supervisord, with two tracebacks and without the reason.
- ProcessStateExitedEvent has `expected` and, until its callbacks have returned, the process its
  `pid` and `exitstatus`: -1 after any signal, never expected, since exitcodes is 0. An end that
  supervisorctl or supervisord's own stop asked for is a ProcessStateStoppedEvent instead. One
  before startsecs, and a program that cannot be spawned (`pid` 0), is a ProcessStateBackoffEvent,
  whose reason is in `spawnerr`. FATAL follows BACKOFF and is not another end.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from supervisor import events
from supervisor.datatypes import InetStreamSocketConfig
from supervisor.states import ProcessStates

from funding.errors import SettingError
from funding.settings import service

GROUP, PROGRAM, API = "funding", "watchdog", "api"
FIRST_BEAT_SECONDS = 30.0  # within which a new watchdog calls `beat`
TICK_SECONDS = events.Tick5Event.period
MAX_REPORTS = 1_000
"""The newest reports are kept while no watchdog asks: hours of a program that cannot start."""
KILL, CRASH = "kill", "crash"  # EventKind as plain strings: xmlrpc sends no subclass of them

PluginReport = tuple[int, float, str, str, int, str]
"""Number, Unix seconds, kind, program, its process (0: none), text."""


def _how_it_ended(process: Any) -> str:
    """In what way a process ended, as far as supervisord knows."""
    if process.exitstatus is None:
        return str(process.spawnerr)
    return "by a signal" if process.exitstatus < 0 else f"exit status {process.exitstatus}"


class Guard:
    """The RPC interface `guard`. `clock` gives seconds that never step, `wall` Unix seconds.

    `address` is where the API listens, and `texts` has the text of each setting.
    """

    def __init__(
        self,
        supervisord: Any,
        clock: Callable[[], float],
        wall: Callable[[], float] = time.time,
        address: tuple[str, int] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        self._supervisord = supervisord
        self._address = address
        self._texts = dict(texts or {})
        self._clock = clock
        self._wall = wall
        self._watchdog_pid = 0
        self._beat_due = 0.0
        self._ticked = clock()
        self._reports: list[PluginReport] = []
        self._last_number = 0
        self._killed_pid = 0
        self._sockets: dict[str, Any] = {}
        for name in supervisord.process_groups:
            self._keep_socket_open(name)

    def beat(self, pid: int, seconds: float, stored: int = 0) -> list[PluginReport]:
        """The watchdog is process `pid`, calls again within `seconds`, and has stored the reports
        up to number `stored`. Returns the later ones."""
        self._watchdog_pid, self._beat_due = pid, self._clock() + seconds
        self._reports = [report for report in self._reports if report[0] > stored]
        return list(self._reports)

    def settings(self) -> dict[str, str]:
        """The text of each setting that the programs of the group read, "" for a default."""
        return self._texts

    def _on_end(self, event: Any) -> None:
        self._safely(self._report_end, event)

    def _report_end(self, event: Any) -> None:
        """A process ended, or could not be started."""
        process = event.process
        if event.expected and not isinstance(event, events.ProcessStateBackoffEvent):
            return
        if process.pid and process.pid == self._killed_pid:
            return  # it is reported as a kill
        name = f"{process.group.config.name}:{process.config.name}"
        how = _how_it_ended(process)
        self._report(CRASH, name, process.pid or 0, f"{name} ended by itself: {how}")

    def _report(self, kind: str, program: str, pid: int, text: str) -> None:
        self._last_number += 1
        self._reports.append((self._last_number, self._wall(), kind, program, pid, text))
        del self._reports[:-MAX_REPORTS]

    def _on_tick(self, _event: Any) -> None:
        self._safely(self._check_watchdog)

    def _on_group_added(self, event: Any) -> None:
        self._safely(self._keep_socket_open, event.group)

    def _on_group_removed(self, event: Any) -> None:
        self._sockets.pop(event.group, None)

    def _on_stopping(self, _event: Any) -> None:
        # At the interpreter's end supervisord's log is closed already, and to close a socket then
        # is a traceback on the operator's terminal.
        self._sockets.clear()

    def _safely(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception:  # noqa: BLE001 (it would end supervisord, and with it everything)
            self._supervisord.options.logger.critical(traceback.format_exc())

    def _keep_socket_open(self, name: str) -> None:
        """Hold one more reference to the listening socket of the group `name`, if it has one."""
        manager = getattr(self._supervisord.process_groups[name], "socket_manager", None)
        if manager is None:
            return
        if name == API and self._address is not None:
            # The address of the settings takes the place of the one in supervisord.conf.
            old = manager.socket_config
            manager.socket_config = InetStreamSocketConfig(*self._address, backlog=old.backlog)
            Path(old.path).unlink(missing_ok=True)
        self._sockets[name] = manager.get_socket()

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
            self._killed_pid = process.pid
            self._report(KILL, f"{GROUP}:{PROGRAM}", process.pid, text)
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
    except SettingError as error:
        _refuse(str(error))
    address = settings.api_host, settings.api_port
    try:
        guard = Guard(supervisord, time.monotonic, address=address, texts=texts)
    except OSError as error:
        _refuse(f"cannot listen on {address[0]}:{address[1]}: {error.strerror}")
    events.subscribe(events.Tick5Event, guard._on_tick)
    events.subscribe(events.ProcessStateExitedEvent, guard._on_end)
    events.subscribe(events.ProcessStateBackoffEvent, guard._on_end)
    events.subscribe(events.ProcessGroupAddedEvent, guard._on_group_added)
    events.subscribe(events.ProcessGroupRemovedEvent, guard._on_group_removed)
    events.subscribe(events.SupervisorStoppingEvent, guard._on_stopping)
    return guard
