"""What supervisor_plugin tells the watchdog: each start and each end of a program.

# Facts
(supervisor 4.3.0, each seen happening)
- ProcessStateExitedEvent has `expected` and, until its callbacks have returned, the process its
  `pid` and `exitstatus`: -1 after any signal, never expected, since exitcodes is 0. An end that
  supervisorctl or supervisord's own stop asked for is a ProcessStateStoppedEvent instead. One
  before startsecs, and a program that cannot be spawned (`pid` 0), is a ProcessStateBackoffEvent,
  whose reason is in `spawnerr`. FATAL follows BACKOFF and is not another end.
- ProcessStateRunningEvent comes `startsecs` after the start, whose time is `laststart`.
"""

from collections.abc import Callable
from typing import Any

from supervisor import events

MAX_REPORTS = 1_000
"""The newest reports are kept while no watchdog asks: hours of a program that cannot start."""
START, STOP, KILL, CRASH = "start", "stop", "kill", "crash"
OPERATOR = "operator"
"""EventKind and RuleName as plain strings: xmlrpc sends no subclass of them."""

PluginReport = tuple[int, float, str, str, int, str, str]
"""Number, Unix seconds, kind, program, its process (0: none), text, rule ("": none)."""


def full_name(process: Any) -> str:
    """The program of `process`, as supervisorctl names it."""
    return f"{process.group.config.name}:{process.config.name}"


def _how_it_ended(process: Any) -> str:
    """In what way a process ended, as far as supervisord knows."""
    if process.exitstatus is None:
        return str(process.spawnerr)
    return "by a signal" if process.exitstatus < 0 else f"exit status {process.exitstatus}"


class Reports:
    """Reports that the watchdog has not stored yet. `wall` gives Unix seconds."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._waiting: list[PluginReport] = []
        self._last_number = 0
        self._killed_pid = 0
        self.group_stops = False  # supervisord itself is ending, and ends its programs

    def after(self, number: int) -> list[PluginReport]:
        """Forget the reports up to `number`; the others."""
        self._waiting = [report for report in self._waiting if report[0] > number]
        return list(self._waiting)

    def kill(self, program: str, pid: int, text: str) -> None:
        """Process `pid` is killed because it hangs."""
        self._killed_pid = pid
        self._add(self._wall(), KILL, program, pid, text)

    def note(self, event: Any) -> None:
        """Take an event of supervisord about the state of a process."""
        process = event.process
        name, pid, now = full_name(process), process.pid or 0, self._wall()
        if isinstance(event, events.ProcessStateRunningEvent):
            self._add(process.laststart, START, name, pid, f"{name} started: pid {pid}")
        elif isinstance(event, events.ProcessStateStoppedEvent):
            if self.group_stops:
                self._add(now, STOP, name, pid, f"{name} was stopped with its group")
            else:
                text = f"{name} was stopped by an operator"
                self._add(now, STOP, name, pid, text, OPERATOR)
        elif event.expected and not isinstance(event, events.ProcessStateBackoffEvent):
            self._add(now, STOP, name, pid, f"{name} ended: {_how_it_ended(process)}")
        elif not pid or pid != self._killed_pid:  # that one is reported as a kill
            text = f"{name} ended by itself: {_how_it_ended(process)}"
            self._add(now, CRASH, name, pid, text)

    def _add(self, at: float, kind: str, program: str, pid: int, text: str, rule: str = "") -> None:
        self._last_number += 1
        self._waiting.append((self._last_number, at, kind, program, pid, text, rule))
        del self._waiting[:-MAX_REPORTS]
