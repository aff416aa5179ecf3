"""Programs that wait for a person to start them, and that were started: remembered beside
supervisord's socket, so that they run again after supervisord itself was started again.

An operator's stop is remembered too. supervisord's own end is not a stop, nor is its death, nor
is `supervisorctl update`.

# Facts
(supervisor 4.3.0, seen happening)
- `update` stops all processes of a group that is defined otherwise now, in one call, then removes
  the group and adds the new one, whose processes without autostart stay stopped.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from funding.watchdog.supervisor_plugin.reports import full_name

FILE = "started-programs"
TOGETHER_SECONDS = 1.0
"""Processes of a group that are stopped in one call are so within this."""
UPDATE_SECONDS = 30.0
"""From that call until the group is removed: stopwaitsecs, and a busy machine."""


class StartedPrograms:
    """The programs with autostart=false that run, by name, in the file `path`; without a file
    they are forgotten with this process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._names: set[str] = set()
        self._stopping: dict[str, tuple[float, bool]] = {}  # when it was asked, and whether it ran
        if path is not None:
            with suppress(OSError, UnicodeDecodeError):
                self._names = set(path.read_text("utf-8").split())

    def waiting(self, groups: dict[str, Any]) -> Iterator[Any]:
        """The processes in `groups` that ran before and are not started by themselves."""
        for group in groups.values():
            for process in group.processes.values():
                if not process.config.autostart and full_name(process) in self._names:
                    yield process

    def started(self, process: Any) -> None:
        """`process` runs."""
        if not process.config.autostart:
            self._set(self._names | {full_name(process)})

    def stopping(self, process: Any, now: float) -> None:
        """`process` is being stopped, at `now` in seconds."""
        name = full_name(process)
        self._stopping[name] = now, name in self._names

    def removed(self, group: str, now: float) -> None:
        """The group of this name is gone: those of its processes that were stopped together, to
        this end, are to run again with the group that takes its place."""
        stops = {
            name: stop for name, stop in self._stopping.items() if name.startswith(f"{group}:")
        }
        last = max((at for at, _ in stops.values()), default=now)
        if now - last <= UPDATE_SECONDS:
            again = {
                name for name, (at, ran) in stops.items() if ran and last - at <= TOGETHER_SECONDS
            }
            self._set(self._names | again)
        for name in stops:
            del self._stopping[name]

    def stopped(self, process: Any) -> None:
        """An operator stopped `process`."""
        self._set(self._names - {full_name(process)})

    def _set(self, names: set[str]) -> None:
        if names == self._names:
            return
        self._names = names
        if self._path is not None:
            new = self._path.with_name(f"{self._path.name}.new")
            with open(new, "w", encoding="utf-8") as file:
                file.writelines(f"{name}\n" for name in sorted(names))
                file.flush()
                os.fsync(file.fileno())  # a power cut must not leave an empty file of this name
            os.replace(new, self._path)
