"""Who may read the database: one that is closed to this user is not missing.

funding/runtime/access.py is the same for the programs; the report imports nothing of theirs.
"""

import os
import pwd
from pathlib import Path


def closed(path: Path) -> str:
    """Who may read the database at `path`, and what this user can do; "" where nothing is closed
    to this user."""
    real = Path(os.path.realpath(path))
    needed = [(folder, os.X_OK) for folder in reversed(real.parents)]
    needed += [(Path(f"{real}{ending}"), os.R_OK) for ending in ("", "-wal", "-shm")]
    for place, wanted in needed:
        if os.path.lexists(place) and not os.access(place, wanted, effective_ids=True):
            status = place.stat()
            owner = _name(status.st_uid)
            return (
                f"closed to user {_name(os.geteuid())}: {place} belongs to {owner} (mode"
                f" {status.st_mode & 0o7777:04o}). Run this as {owner}, or open it to others:"
                ' see "Another user" in docs/operations.md'
            )
    return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
