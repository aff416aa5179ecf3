"""Which file a name leads to, so that a database that was removed or replaced is noticed."""

import os
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
