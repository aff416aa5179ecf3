"""The right to write quotes: one ingest per exchange and database, whatever name it is reached by.

The first ingest of a database owns it: that one makes, upgrades, checks and checkpoints it. Those
of other exchanges write beside it, and whichever begins when there is no owner is the next.

# Facts
- flock(2) and the POSIX locks that SQLite takes do not see each other on a local file system. But
  closing a descriptor of the database drops SQLite's locks in this process: `close` comes after
  SQLite has closed the file.
- A hard link has another name, hence another lock file and another WAL: only the file itself can
  say that it is in use.
- A lock of an open file description (fcntl(2), F_OFD_SETLK) is not dropped when the process closes
  another descriptor of the file, as a POSIX lock is; it may lie beyond the end of the file.
"""

import fcntl
import os
import struct
import zlib
from pathlib import Path

from funding import errors
from funding.runtime import access
from funding.store.damage import lock_path
from funding.store.file_identity import identify, require_file

_FIRST_BYTE, _BYTES = 1 << 20, 1 << 20
"""Each exchange has a byte of the lock file, beyond what is written in it."""


class IngestLock:
    """Held from the beginning until `close`; `StoreInUse` while another ingest of `exchange` has
    it. `owns` is whether this ingest owns the database.

    The lock file stays where it is, and names the database, also when its header is destroyed.
    """

    def __init__(self, path: Path, exchange: str) -> None:
        self._path = path
        self._descriptors: list[int] = []
        self.owns = False
        require_file(path)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._refused(error) from error
        lock = self._open(lock_path(path))
        self._descriptors.append(lock)
        try:
            self._hold_exchange(lock, exchange)
            self.owns = _take(lock)
        except BaseException:
            self.close()
            raise
        if self.owns and identify(path) is not None:
            self.hold_file()

    def hold_file(self) -> None:
        """Hold the file itself, which is made when it is missing. Not while SQLite has it open."""
        try:
            for held in self._descriptors[1:]:
                os.close(held)
            del self._descriptors[1:]
            self._hold(self._path)
        except BaseException:
            self.close()
            raise

    def name_file(self) -> None:
        """Write down which file is the database of this name."""
        os.ftruncate(self._descriptors[0], 0)
        os.pwrite(self._descriptors[0], str(identify(self._path)).encode("ascii"), 0)

    def close(self) -> None:
        """Let another ingest begin."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _hold(self, path: Path) -> None:
        descriptor = self._open(path)
        if not _take(descriptor):
            os.close(descriptor)
            raise errors.StoreInUse(str(self._path), "another ingest is writing to it")
        self._descriptors.append(descriptor)
        access.share_with_group(path)

    def _hold_exchange(self, lock: int, exchange: str) -> None:
        byte = _FIRST_BYTE + zlib.crc32(exchange.encode()) % _BYTES
        wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
        try:
            fcntl.fcntl(lock, fcntl.F_OFD_SETLK, wanted)
        except OSError as error:
            text = f"another ingest is writing to it for {exchange}"
            raise errors.StoreInUse(str(self._path), text) from error

    def _open(self, path: Path) -> int:
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> errors.StoreError:
        if not isinstance(error, PermissionError):
            return errors.StoreError(str(self._path), f"{error.strerror}")
        closed = access.closed(self._path, writing=True, endings=access.DATABASE)
        return errors.StorePermission(str(self._path), closed or str(error.strerror))


def _take(descriptor: int) -> bool:
    """Whether the whole file could be locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
