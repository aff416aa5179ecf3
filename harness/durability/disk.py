"""A disk that may lose power: what was written since the last sync may be there or not.

A VFS between SQLite and the real one, so that the store's own code runs on it. What a cut leaves is
drawn sector by sector. Directories count as synced, as SQLite syncs them when it makes a file.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512


class Disk(apsw.VFS):
    """The default VFS while it is registered. `moment` is called before each write and sync."""

    def __init__(self, moment: Callable[[], None]) -> None:
        self.moment = moment
        self.synced: dict[str, bytearray] = {}
        self.waiting: dict[str, list[tuple[int, bytes]]] = {}
        self.syncs = 0
        super().__init__("losing-power", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.synced.pop(filename, None)
        self.waiting.pop(filename, None)

    def wrote(self, name: str, offset: int, data: bytes) -> None:
        """Not on the disk yet. Without data: the file is cut at `offset`."""
        self.waiting.setdefault(name, []).append((offset, data))

    def sync(self, name: str) -> None:
        """From here on it is on the disk."""
        self.syncs += 1
        self.synced[name] = _applied(self.synced.get(name, b""), self.waiting.pop(name, []))

    def after_power_cut(self, draw: random.Random) -> dict[str, bytes]:
        """What the files hold when the power goes now: any part of what waits, in any order."""
        found = {}
        for name in self.synced.keys() | self.waiting.keys():
            share = draw.choice((0.0, 0.5, 0.9, 1.0))
            kept = [
                (offset + start, data[start : start + SECTOR])
                for offset, data in self.waiting.get(name, [])
                for start in range(0, len(data) or 1, SECTOR)
                if draw.random() < share
            ]
            draw.shuffle(kept)
            found[name] = bytes(_applied(self.synced.get(name, b""), kept))
        return found


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self.disk.moment()
        super().xWrite(data, offset)
        self.disk.wrote(self.path, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self.disk.moment()
        super().xTruncate(newsize)
        self.disk.wrote(self.path, newsize, b"")

    def xSync(self, flags: int) -> None:  # noqa: N802
        self.disk.moment()
        super().xSync(flags)
        self.disk.sync(self.path)


def _applied(held: bytes | bytearray, writes: list[tuple[int, bytes]]) -> bytearray:
    found = bytearray(held)
    for offset, data in writes:
        if not data:
            del found[offset:]
            continue
        found.extend(bytes(max(0, offset - len(found))))
        found[offset : offset + len(data)] = data
    return found


@contextmanager
def losing_power(moment: Callable[[], None]) -> Iterator[Disk]:
    """The disk, under every connection that is opened in the block."""
    disk = Disk(moment)
    try:
        yield disk
    finally:
        disk.unregister()


def write_files(files: dict[str, bytes], folder: Path) -> Path:
    """The database among `files`, in a folder of its own."""
    folder.mkdir()
    for name, data in files.items():
        (folder / Path(name).name).write_bytes(data)
    return folder / "funding.db"
