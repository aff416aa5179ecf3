"""What is done before ingest begins: it waits for room and for a lock, and sets a database aside
that it cannot use."""

import logging
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.model.feed import Feed
from funding.model.origin import is_loopback
from funding.runtime.logs import ThrottledWarnings
from funding.store.database import check_ours, open_as_it_is, translate_errors
from funding.store.file_identity import identify
from funding.store.ingest_lock import IngestLock
from funding.store.recovery import set_aside_if_damaged
from funding.store.writer import Writer

log = logging.getLogger("ingest")

WAIT_SECONDS = 1.0
"""Between two attempts to open the store."""
WARN_SECONDS = 60.0


def begin_to_write(path: Path, feed: Feed, stopping: threading.Event) -> Writer | None:
    """The writer, as soon as the disk has room for it and no other program holds the store's lock;
    None when ingest is to stop before."""
    warn = ThrottledWarnings(log, WARN_SECONDS, time.monotonic)
    while not stopping.is_set():
        try:
            return Writer(path, feed)
        except (errors.StoreFull, errors.StoreLocked) as error:
            warn(type(error).__name__, f"waiting for the store: {error}")
            stopping.wait(WAIT_SECONDS)
    return None


def prepare(path: Path, feed: Feed) -> None:
    """Make, upgrade or set aside the database at `path`, so that `feed` can be written to it. On a
    full disk that is left to ingest, which waits for room: a group that does not start there would
    tell nobody."""
    try:
        _prepare(path, feed)
    except errors.StoreFull as error:
        log.warning("%s: ingest waits for room", error)


def _prepare(path: Path, feed: Feed) -> None:
    aside = None
    with closing(IngestLock(path, feed.exchange)) as lock:
        if lock.owns:
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
