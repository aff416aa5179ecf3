"""The right to write quotes: one ingest per database, whatever name it is reached by.

# Facts
- flock(2) and the POSIX locks that SQLite takes do not see each other on a local file system. But
  closing a descriptor of the database drops SQLite's locks in this process: `close` comes after
  SQLite has closed the file.
- A hard link has another name, hence another lock file and another WAL: only the file itself can
  say that it is in use.
"""

import fcntl
import os
from pathlib import Path

from funding import errors
from funding.runtime import access
from funding.store.damage import lock_path
from funding.store.file_identity import identify, require_file


class IngestLock:
    """Held from the beginning until `close`; `StoreInUse` while another ingest has it.

    The lock file stays where it is, and names the database, also when its header is destroyed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptors: list[int] = []
        require_file(path)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._refused(error) from error
        self._hold(lock_path(path))
        if identify(path) is not None:
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
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._refused(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise errors.StoreInUse(str(self._path), "another ingest is writing to it") from error
        self._descriptors.append(descriptor)

    def _refused(self, error: OSError) -> errors.StoreError:
        if not isinstance(error, PermissionError):
            return errors.StoreError(str(self._path), f"{error.strerror}")
        closed = access.closed(self._path, writing=True, endings=access.DATABASE)
        return errors.StorePermission(str(self._path), closed or str(error.strerror))
