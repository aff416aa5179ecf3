"""Which file a name leads to, so that a database that was removed or replaced is noticed."""

import os
from pathlib import Path
from typing import NamedTuple


class FileIdentity(NamedTuple):
    """No two files have the same at one time. As text it stands in the lock file."""

    device: int
    inode: int

    def __str__(self) -> str:
        return f"{self.device}:{self.inode}"


def identify(path: Path | str) -> FileIdentity | None:
    """The file at `path`; None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return FileIdentity(status.st_dev, status.st_ino)
