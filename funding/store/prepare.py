"""What is done before ingest begins: a database that it cannot use is set aside, a new one made."""

import logging
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.model.feed import Feed
from funding.model.origin import is_loopback
from funding.store.database import check_ours, open_as_it_is, translate_errors
from funding.store.file_identity import identify
from funding.store.ingest_lock import IngestLock
from funding.store.recovery import set_aside_if_damaged
from funding.store.writer import Writer

log = logging.getLogger("ingest")


def prepare(path: Path, feed: Feed) -> None:
    """Make, upgrade or set aside the database at `path`, so that `feed` can be written to it."""
    with closing(IngestLock(path)):
        set_aside_if_damaged(path)
        aside = set_aside_if_foreign(path, feed)
    if aside is not None:
        log.warning("%s holds quotes of a stand-in: it is now %s", path, aside)
    Writer(path, feed).close()


def set_aside_if_foreign(path: Path, feed: Feed) -> Path | None:
    """Rename a database that holds what a stand-in has invented, where `feed` is an exchange's; its
    new name, or None. A database of an exchange stays where it is.

    Raises `StoreLocked` while another program has the file open: its WAL would stay behind under
    the old name, and become the new file's.
    """
    if identify(path) is None:
        return None
    with translate_errors(str(path)):
        connection = open_as_it_is(path, apsw.SQLITE_OPEN_READWRITE)
        try:
            if check_ours(connection, str(path)) == 0:
                return None
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
            address: Any = connection.execute(
                "SELECT address FROM feed WHERE exchange = ?", (feed.exchange,)
            ).get
        finally:
            connection.close()
    if address is None or not is_loopback(address) or is_loopback(feed.address):
        return None
    if Path(f"{path}-wal").exists():  # the last to close it would have removed it
        raise errors.StoreLocked(
            str(path), f"holds quotes of {address} and is open in another program: stop that first"
        )
    aside = path.with_name(f"{path.stem}-{address}{path.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.stem}-{address}-{number}{path.suffix}")
    path.rename(aside)
    return aside
