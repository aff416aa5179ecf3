"""How damage is recognised and reported: a lock file names our database, a marker its damage.

# Facts
- Bytes 68 to 71 of the file are `application_id`, big-endian (sqlite.org/fileformat.html); with a
  destroyed header only the lock file beside it still says that the file was ours.
- Closing any descriptor of a file drops all POSIX locks that the process has on it (fcntl(2)): a
  process that has the database open by SQLite must not open it in another way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from funding import errors
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
    """Whether the file at `path`, readable or not, is or was a database of this service."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
        if header.startswith(_MAGIC) and len(header) == 100:
            return int.from_bytes(header[68:72], "big") == APPLICATION_ID
    except OSError:
        return False
    return _is_named(path)


def _is_named(path: Path) -> bool:
    """Whether the lock file names the file at `path`, as an ingest has written it."""
    try:
        return lock_path(path).read_text("ascii", "replace").strip() == str(identify(path))
    except OSError:
        return False


def report_damage(path: Path) -> None:
    """Report to ingest that the database at `path`, if it is ours, is damaged."""
    if not _is_named(path):
        return
    try:
        marker_path(path).touch(0o600)
    except OSError:
        return  # a full or read-only disk: ingest will find the damage itself


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Report damage to ingest when the block meets it."""
    try:
        yield
    except errors.StoreCorrupt:
        report_damage(path)
        raise
