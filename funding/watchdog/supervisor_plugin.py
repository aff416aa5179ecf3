"""What supervisord does for us in its own process: it kills a watchdog that hangs, since no other
program stands above it, sees every process that ends unasked, the watchdog too, and keeps the
API's listening socket open when all of its processes are gone at once.

supervisord.conf names `make` as the factory of an RPC interface. The watchdog calls `beat` in each
round, says within how many seconds it will be back, and is told what happened: again and again,
until it says up to what it has stored that, so that what one takes into its grave the next hears.

# Facts
(supervisor 4.3.0, each seen happening)
- A factory gets the Supervisor object, after all subscriptions to events have been cleared; what
  it subscribes is called in supervisord's own loop, and an exception there ends supervisord.
- `Process.signal` leaves autorestart in force, `Process.kill` is a stop.
- The listening socket of an fcgi-program is closed when its last process has ended, and opened
  with the next one. When the port is not to be had then, supervisord ends with a traceback.
- Methods whose names begin with an underscore cannot be called from outside.
- The group of an fcgi-program binds its socket when it is made, before any factory is called, and
  closes it at once; `socket_config` says what is bound the next time. Its file can name no variable
  that may be missing, so it names a placeholder.
- What a factory raises ends supervisord, with two tracebacks and without the reason.
- ProcessStateExitedEvent has `expected` and, until its callbacks have returned, the process its
  `pid` and `exitstatus`: -1 after any signal, never expected, since exitcodes is 0. An end that
  supervisorctl or supervisord's own stop asked for is a ProcessStateStoppedEvent instead; one
  before startsecs, and a program that cannot be spawned (`pid` 0), is a ProcessStateBackoffEvent,
  whose reason is in `spawnerr`. FATAL follows BACKOFF, and is no other end.
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
FIRST_SECONDS = 30.0
"""For a new process to beat for the first time."""
TICK_SECONDS = events.Tick5Event.period
KILLED, ENDED = "kill", "crash"
TOLD_MOST = 1_000
"""What nobody asks for is kept up to here, the newest: hours of a program that cannot start."""


PluginReport = tuple[int, float, str, str, int, str]


def _how(process: Any) -> str:
    """In what way a process ended, as far as supervisord keeps it."""
    if process.exitstatus is None:
        return str(process.spawnerr)
    return "by a signal" if process.exitstatus < 0 else f"exit status {process.exitstatus}"


class Guard:
    """The RPC interface `guard`. `clock` gives seconds that never step, `wall` Unix seconds."""

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
        self._pid = 0
        self._due = 0.0
        self._ticked = clock()
        self._told: list[PluginReport] = []
        self._number = 0  # of the last one
        self._killed = 0
        self._held: dict[str, Any] = {}
        for name in supervisord.process_groups:
            self._hold(name)

    def beat(self, pid: int, seconds: float, stored: int = 0) -> list[PluginReport]:
        """Process `pid` lives, beats again within `seconds`, and has stored all up to the number
        `stored`. What happened since: number, Unix seconds, kind, program, its process (0: none)
        and the text."""
        self._pid, self._due = pid, self._clock() + seconds
        self._told = [told for told in self._told if told[0] > stored]
        return list(self._told)

    def settings(self) -> dict[str, str]:
        """The text of each setting that the programs of the group read, "" for a default."""
        return self._texts

    def _ended(self, event: Any) -> None:
        self._safely(self._note_end, event)

    def _note_end(self, event: Any) -> None:
        """A process ended, or could not begin, and nobody had asked for it."""
        process = event.process
        if event.expected and not isinstance(event, events.ProcessStateBackoffEvent):
            return
        if process.pid and process.pid == self._killed:
            return  # our own doing, and told as such
        name = f"{process.group.config.name}:{process.config.name}"
        self._tell(ENDED, name, process.pid or 0, f"{name} ended by itself: {_how(process)}")

    def _tell(self, kind: str, program: str, pid: int, text: str) -> None:
        self._number += 1
        self._told.append((self._number, self._wall(), kind, program, pid, text))
        del self._told[:-TOLD_MOST]

    def _tick(self, _event: Any) -> None:
        self._safely(self._look)

    def _added(self, event: Any) -> None:
        self._safely(self._hold, event.group)

    def _removed(self, event: Any) -> None:
        self._held.pop(event.group, None)

    def _stopping(self, _event: Any) -> None:
        # Let go with everybody else: at the interpreter's end supervisord's log is closed already,
        # and closing a socket then is a traceback on the operator's terminal.
        self._held.clear()

    def _safely(self, work: Callable[..., None], *arguments: str) -> None:
        try:
            work(*arguments)
        except Exception:  # noqa: BLE001 (it would end supervisord, and with it everything)
            self._supervisord.options.logger.critical(traceback.format_exc())

    def _hold(self, name: str) -> None:
        """One more reference to the listening socket of the group `name`, where it has one."""
        manager = getattr(self._supervisord.process_groups[name], "socket_manager", None)
        if manager is not None:
            if name == API and self._address is not None:
                self._listen_at(manager, *self._address)
            self._held[name] = manager.get_socket()

    @staticmethod
    def _listen_at(manager: Any, host: str, port: int) -> None:
        """Put the address of the settings in the place of the one in supervisord.conf."""
        placeholder = manager.socket_config
        manager.socket_config = InetStreamSocketConfig(host, port, backlog=placeholder.backlog)
        Path(placeholder.path).unlink(missing_ok=True)

    def _look(self) -> None:
        now = self._clock()
        held_up = now - self._ticked - TICK_SECONDS
        self._ticked = now
        group = self._supervisord.process_groups.get(GROUP)
        process = group.processes.get(PROGRAM) if group is not None else None
        if process is None or process.get_state() != ProcessStates.RUNNING:
            return
        if process.pid != self._pid:
            self._pid, self._due = process.pid, now + FIRST_SECONDS
        elif held_up > 1.0:
            self._due += held_up  # beats wait in the queue of a supervisord that was held up
        elif now > self._due:
            text = f"{GROUP}:{PROGRAM} (hung watchdog): no beat of process {process.pid}"
            self._killed = process.pid
            self._tell(KILLED, f"{GROUP}:{PROGRAM}", process.pid, text)
            self._supervisord.options.logger.critical(text)
            self._due = now + FIRST_SECONDS
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
    events.subscribe(events.Tick5Event, guard._tick)
    events.subscribe(events.ProcessStateExitedEvent, guard._ended)
    events.subscribe(events.ProcessStateBackoffEvent, guard._ended)
    events.subscribe(events.ProcessGroupAddedEvent, guard._added)
    events.subscribe(events.ProcessGroupRemovedEvent, guard._removed)
    events.subscribe(events.SupervisorStoppingEvent, guard._stopping)
    return guard
