"""Who may open a file: what is closed to this user is not missing, and what a group may read.

# Facts
- `os.stat` of a file in a folder that this user may not enter fails with EACCES, also where there
  is no such file (path_resolution(7)). SQLite says "unable to open database file" to all of it.
- `Path.exists` raises that error before Python 3.14, `os.path.exists` calls the file missing.
- SQLite makes the -wal and the -shm with the mode of the database, whatever the umask is, and as
  root with its owner too (seen with SQLite 3.54.1).
- To read a database in WAL mode takes its -shm; the last program to close the database removes
  that, and whoever may not make it gets SQLITE_READONLY (sqlite.org/wal.html#readonly).
- What is made in a folder with the set-group-ID bit belongs to the folder's group (inode(7)).
"""

import grp
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

DATABASE = ("", "-wal", "-shm")
"""What SQLite opens of a database: the endings of its files."""

_AT_REST = (
    " While no program has the database open, it takes this right to read it: start the service."
)


def closed(path: Path | str, *, writing: bool = False, endings: tuple[str, ...] = ("",)) -> str:
    """Who may read the file at `path`, or write it, and what this user can do; "" where nothing is
    closed to this user. `endings` are those of all the files that belong to it; where there are
    several, who writes also makes them."""
    real = Path(os.path.realpath(path))
    right = os.R_OK | (os.W_OK if writing else 0)
    needed = [(folder, os.X_OK) for folder in reversed(real.parents)]
    if writing and len(endings) > 1:
        needed[-1] = (real.parent, os.X_OK | os.W_OK)
    needed += [(Path(f"{real}{ending}"), right) for ending in endings]
    for place, wanted in needed:
        if os.path.lexists(place) and not os.access(place, wanted, effective_ids=True):
            status = place.stat()
            owner = _name(status.st_uid)
            limit = "read-only for" if writing else "closed to"
            at_rest = (
                len(endings) > 1 and place == real.parent and not os.path.exists(f"{real}-shm")
            )
            others = "open it to others"
            if (
                status.st_mode >> 3 & wanted == wanted
            ):  # R_OK, W_OK and X_OK are a mode's three bits
                others = f"become a member of {_group(status.st_gid)}"
            return (
                f"{limit} user {_name(os.geteuid())}: {place} belongs to {owner} (mode"
                f" {status.st_mode & 0o7777:04o}).{_AT_REST if writing and at_rest else ''}"
                f' Run this as {owner}, or {others}: see "Another user" in docs/operations.md'
            )
    return ""


def share_with_group(path: Path) -> None:
    """Let a group read the database at `path`, and what SQLite makes beside it, where its folder is
    for that group (mode 2750). A file of somebody else stays as it is."""
    real = Path(os.path.realpath(path))
    folder = os.stat(real.parent)
    wanted = stat.S_ISGID | stat.S_IRGRP | stat.S_IXGRP
    if folder.st_mode & wanted != wanted:
        return
    for ending in DATABASE:
        with suppress(OSError):
            status = os.stat(f"{real}{ending}")
            if status.st_gid != folder.st_gid:
                os.chown(f"{real}{ending}", -1, folder.st_gid)
            if not status.st_mode & stat.S_IRGRP:
                os.chmod(f"{real}{ending}", stat.S_IMODE(status.st_mode) | stat.S_IRGRP)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
