"""What supervisord does for us in its own process: it kills a watchdog that hangs, since no other
program stands above it, and keeps the API's listening socket open when all of its processes are
gone at once.

supervisord.conf names `make` as the factory of an RPC interface. The watchdog calls `beat` in each
round, and says within how many seconds it will be back.

# Facts
(supervisor 4.3.0, each seen happening)
- A factory gets the Supervisor object, after all subscriptions to events have been cleared; what
  it subscribes is called in supervisord's own loop, and an exception there ends supervisord.
- `Process.signal` leaves autorestart in force, `Process.kill` is a stop.
- The listening socket of an fcgi-program is closed when its last process has ended, and opened
  with the next one. When the port is not to be had then, supervisord ends with a traceback.
- Methods whose names begin with an underscore cannot be called from outside.
"""

import signal
import time
import traceback
from collections.abc import Callable
from typing import Any

from supervisor import events
from supervisor.states import ProcessStates

GROUP, PROGRAM = "funding", "watchdog"
FIRST_SECONDS = 30.0
"""For a new process to beat for the first time."""
TICK_SECONDS = events.Tick5Event.period


class Guard:
    """The RPC interface `guard`. `clock` gives seconds that never step."""

    def __init__(self, supervisord: Any, clock: Callable[[], float]) -> None:
        self._supervisord = supervisord
        self._clock = clock
        self._pid = 0
        self._due = 0.0
        self._ticked = clock()
        self._told: list[str] = []
        self._held: dict[str, Any] = {}
        for name in supervisord.process_groups:
            self._hold(name)

    def beat(self, pid: int, seconds: float) -> list[str]:
        """Process `pid` lives, and beats again within `seconds`; what was done since the last."""
        self._pid, self._due = pid, self._clock() + seconds
        told, self._told = self._told, []
        return told

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
            self._held[name] = manager.get_socket()

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
            self._told.append(text)
            self._supervisord.options.logger.critical(text)
            self._due = now + FIRST_SECONDS
            process.signal(signal.SIGKILL)


def make(supervisord: Any, **_options: Any) -> Guard:
    """The factory."""
    guard = Guard(supervisord, time.monotonic)
    events.subscribe(events.Tick5Event, guard._tick)
    events.subscribe(events.ProcessGroupAddedEvent, guard._added)
    events.subscribe(events.ProcessGroupRemovedEvent, guard._removed)
    events.subscribe(events.SupervisorStoppingEvent, guard._stopping)
    return guard
