"""How damage is recognised and reported: a lock file names our database, a marker its damage.

# Facts
- The mark names the file that it speaks of, since it may outlive that file.
- Bytes 68 to 71 of the file are `application_id`, big-endian (sqlite.org/fileformat.html); with a
  destroyed header only the lock file beside it still says that the file was ours.
- Closing any descriptor of a file drops all POSIX locks that the process has on it (fcntl(2)): a
  process that has the database open by SQLite must not open it in another way.
"""

import os
from pathlib import Path

from funding.store.file_identity import identify

APPLICATION_ID = 0x46554E44
"""The application_id that schema.sql sets."""

_MAGIC = b"SQLite format 3\0"


def lock_path(path: Path) -> Path:
    """The file that an ingest holds locked; it names the database it belongs to."""
    return Path(f"{path.resolve()}.ingest.lock")


def marker_path(path: Path) -> Path:
    """The file that reports damage to ingest."""
    return Path(f"{path}.damaged")


def is_ours(path: Path) -> bool:
    """Whether the file at `path`, readable or not, is or was a database of this service. The
    content of a file that the lock file names may have been replaced."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return False
    marked = int.from_bytes(header[68:72], "big") == APPLICATION_ID
    return is_named(path) or (header.startswith(_MAGIC) and marked)


def is_named(path: Path) -> bool:
    """Whether the lock file names the file at `path`, as an ingest has written it."""
    return _names(lock_path(path), path)


def is_marked(path: Path) -> bool:
    """Whether damage was reported of the very file at `path`."""
    return _names(marker_path(path), path)


def _names(which: Path, path: Path) -> bool:
    try:
        return which.read_text("ascii", "replace").strip() == str(identify(path))
    except OSError:
        return False


def report_damage(path: Path) -> None:
    """Report to ingest that the database at `path`, if it is ours, is damaged."""
    if not is_named(path):
        return
    try:
        descriptor = os.open(marker_path(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="ascii") as mark:
            mark.write(str(identify(path)))
    except OSError:
        return  # a full or read-only disk: ingest will find the damage itself
