"""How damage is known and told: the lock file that names our database, the marker beside it.

# Facts
- Bytes 68 to 71 of the file are `application_id`, big-endian (sqlite.org/fileformat.html); with a
  destroyed header only the lock file beside it still says that the file was ours.
"""

from pathlib import Path

APPLICATION_ID = 0x46554E44
"""The application_id that schema.sql sets."""

_MAGIC = b"SQLite format 3\0"


def lock_path(path: Path) -> Path:
    """The file that an ingest holds locked; it names the database it belongs to."""
    return Path(f"{path.resolve()}.ingest.lock")


def marker_path(path: Path) -> Path:
    """The file by which whoever meets damage tells ingest of it."""
    return Path(f"{path}.damaged")


def identity(path: Path) -> str:
    """Which file `path` is, so that its lock file can name it."""
    status = path.stat()
    return f"{status.st_dev}:{status.st_ino}"


def is_ours(path: Path) -> bool:
    """Whether the file at `path`, readable or not, is or was a database of this service."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
        if header.startswith(_MAGIC) and len(header) == 100:
            return int.from_bytes(header[68:72], "big") == APPLICATION_ID
        return lock_path(path).read_text("ascii", "replace").strip() == identity(path)
    except OSError:
        return False


def report_damage(path: Path) -> None:
    """Leave word for ingest that the database at `path` is damaged."""
    try:
        marker_path(path).touch(0o600)
    except OSError:
        return  # a full or read-only disk: ingest meets the damage itself
