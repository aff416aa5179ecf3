"""Which files a name leads to, so that a database that was removed or replaced is noticed.

# Facts
- A database in WAL mode is three files. While a connection is open, its -wal and -shm stay the
  same files; removed, they live on for whoever has them open, and the next to open the database
  makes others: two groups of connections that do not know of each other.
- SQLite names the -wal and the -shm after the file that a symbolic link leads to.
- To open a pipe waits until somebody opens its other end, for SQLite too.
"""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from funding import errors
from funding.runtime import access


class FileIdentity(NamedTuple):
    """No two files have the same at one time. As text it stands in the lock file."""

    device: int
    inode: int

    def __str__(self) -> str:
        return f"{self.device}:{self.inode}"


class DatabaseFiles(NamedTuple):
    """The files of a database; None for one that is not there."""

    main: FileIdentity | None
    wal: FileIdentity | None
    shm: FileIdentity | None


def identify(path: Path | str) -> FileIdentity | None:
    """The file at `path`; None when there is none. Raises `StorePermission` where this user may
    not see which."""
    try:
        status = os.stat(path)
    except PermissionError as error:
        text = access.closed(path) or str(error.strerror)
        raise errors.StorePermission(str(path), text) from None
    except OSError:
        return None
    return FileIdentity(status.st_dev, status.st_ino)


def identify_all(path: str) -> DatabaseFiles:
    """The files of the database at `path`."""
    real = os.path.realpath(path)
    return DatabaseFiles(identify(path), identify(f"{real}-wal"), identify(f"{real}-shm"))


def require_file(path: Path | str) -> None:
    """Raise `StoreError` where something else than a file is at `path`; there may be nothing."""
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return  # to open it says why
    if not is_file:
        raise errors.StoreError(str(path), "is not a file")
