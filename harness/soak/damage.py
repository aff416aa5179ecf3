"""`python -m harness.soak.damage FILE HOW SEED`: damages a database as a bad disk would.

A process of its own: closing a file drops every POSIX lock that its process holds on it, and the
soak reads that database by SQLite (fcntl(2)).
"""

import os
import random
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

_PAGE = 4096
_LEAF = 13  # a page of rows (sqlite.org/fileformat.html)
_ROWS = 20


def damage(path: Path, how: str, seed: int) -> None:
    """`how` is deleted, truncated, overwritten (whole), pages (all but the first), or page: one of
    comparisons. Exit 3 where there is no such page yet."""
    if how == "deleted":
        path.unlink()
        return
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(PASSIVE)")  # else the damaged pages are unused
    size = path.stat().st_size
    if how == "truncated":
        os.truncate(path, size // 2)
        return
    with path.open("r+b") as file:
        if how == "page":
            pages = enumerate(iter(partial(file.read, _PAGE), b""))
            ours = [n for n, page in pages if page[0] == _LEAF and page.count(b"soak") > _ROWS]
            if not ours:
                sys.exit(3)
            file.seek(random.Random(seed).choice(ours) * _PAGE)
            file.write(b"\xff" * _PAGE)
            return
        start = {"overwritten": 0, "pages": _PAGE}[how]
        file.seek(start)
        file.write(random.Random(seed).randbytes(size - start))


if __name__ == "__main__":
    damage(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
