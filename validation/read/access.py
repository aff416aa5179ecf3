"""Who may read the database: one that is closed to this user is not missing.

funding/runtime/access.py is the same for the programs; the report imports nothing of theirs.
"""

import grp
import os
import pwd
from pathlib import Path

_AT_REST = (
    " While no program has the database open, it takes this right to read it: start the service."
)


def closed(path: Path, *, writing: bool = False) -> str:
    """Who may read the database at `path`, or write it, and what this user can do; "" where nothing
    is closed to this user."""
    real = Path(os.path.realpath(path))
    right = os.R_OK | (os.W_OK if writing else 0)
    needed = [(folder, os.X_OK) for folder in reversed(real.parents)]
    if writing:
        needed[-1] = (real.parent, os.X_OK | os.W_OK)
    needed += [(Path(f"{real}{ending}"), right) for ending in ("", "-wal", "-shm")]
    for place, wanted in needed:
        if os.path.lexists(place) and not os.access(place, wanted, effective_ids=True):
            status = place.stat()
            owner = _name(status.st_uid)
            limit = "read-only for" if writing else "closed to"
            at_rest = place == real.parent and writing and not os.path.exists(f"{real}-shm")
            others = "open it to others"
            if (
                status.st_mode >> 3 & wanted == wanted
            ):  # R_OK, W_OK and X_OK are a mode's three bits
                others = f"become a member of {_group(status.st_gid)}"
            return (
                f"{limit} user {_name(os.geteuid())}: {place} belongs to {owner} (mode"
                f" {status.st_mode & 0o7777:04o}).{_AT_REST if at_rest else ''}"
                f' Run this as {owner}, or {others}: see "Another user" in docs/operations.md'
            )
    return ""


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
