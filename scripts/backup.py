#!/usr/bin/env python3
"""Copies the database while the service runs, and checks the copy.

Without FILE the copy goes to the folder backups/ beside the database, under a dated name, and of
such copies the oldest beyond --keep are deleted. How to restore one is in docs/operations.md.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tqdm import tqdm

from funding import errors, startup
from funding.runtime.logs import printable
from funding.settings.table import whole
from funding.store.backup import back_up, check
from funding.watchdog import group_settings

NAME = "backup"
STAMP = "%Y%m%dT%H%M%SZ"


def dated(database: Path, now: float) -> Path:
    """Where a backup made `now`, in Unix seconds, belongs."""
    name = f"{database.stem}-{time.strftime(STAMP, time.gmtime(now))}{database.suffix}"
    return database.parent / "backups" / name


def delete_old(database: Path, keep: int) -> list[Path]:
    """Delete the oldest dated backups of `database`, except the newest `keep`; those deleted."""
    dates = "[0-9]" * 8 + "T" + "[0-9]" * 6 + "Z"
    pattern = f"{database.stem}-{dates}{database.suffix}"
    old = sorted((database.parent / "backups").glob(pattern))[:-keep]
    for path in old:
        path.unlink()
    return old


def run(database: Path, file: Path | None, keep: int) -> str:
    """Make the backup; what was done, in words. Raises `StoreError`s and `OSError`."""
    target = file or dated(database, time.time())
    if file is None:
        target.parent.mkdir(mode=0o700, exist_ok=True)
    with tqdm(unit="page", disable=None, leave=False, file=sys.stderr) as bar:

        def show(done: int, pages: int) -> None:
            bar.total = pages
            bar.update(done - bar.n)

        copied = back_up(database, target, show)
    size = copied.size_bytes / 1e6
    said = f"{target}: {copied.rows} rows of {copied.tables} tables, {size:.1f} MB, checked"
    old = [] if file else delete_old(database, keep)
    return said + (f"; {len(old)} older deleted" if old else "")


def main() -> int:
    """Exit codes: 0 the backup is made (or, with --check, whole), 1 it is not, 2 an argument or a
    setting is wrong."""
    parser = startup.parser("scripts/backup", f"{__doc__}\n\n{main.__doc__}")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a new file")
    number = startup.argument(whole(1, 10_000, "a number"))
    parser.add_argument("--keep", type=number, default=7, metavar="N", help="dated copies (7)")
    parser.add_argument("--check", action="store_true", help="check the backup FILE, make none")
    arguments = parser.parse_args()
    if arguments.check and arguments.file is None:
        parser.error("--check needs the FILE to check")
    settings = group_settings.adopted(startup.begin(NAME, sys.stderr), NAME)
    try:
        if arguments.check:
            rows = check(arguments.file)
            print(f"{arguments.file}: whole, {sum(rows.values())} rows of {len(rows)} tables")
        else:
            print(run(settings.db, arguments.file, arguments.keep))
    except (errors.FundingError, OSError) as error:
        print(f"{NAME}: {printable(str(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
