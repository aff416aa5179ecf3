"""What ingest writes: quotes, the feed row and events."""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from funding import errors
from funding.model.event import Event
from funding.model.feed import CLOCK_DRIFT, Feed
from funding.model.quote import Quote
from funding.runtime import access
from funding.runtime.backoff import Attempts
from funding.store.damage import lock_path, marker_path
from funding.store.database import (
    checkpoint,
    close_writer,
    open_writer,
    transaction,
    translate_errors,
)
from funding.store.events import add_events
from funding.store.feed_table import FEED_WRITE, feed_row
from funding.store.file_identity import identify
from funding.store.quote_table import Rows

RETIRE_SECONDS = 86_400.0
BUSY_SECONDS = 0.5
"""How long a batch waits for another program's lock, so that ingest goes on receiving."""


class Writer:
    """Writes quotes, the feed row and events, in one transaction per batch.

    For one thread. Raises `StoreError`s; a second writer on the same file is refused at once.
    """

    def __init__(self, path: Path, feed: Feed) -> None:
        self._path = str(path)
        self._marker = str(marker_path(path))
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._lock = os.open(lock_path(path), flags, 0o600)
        except PermissionError as error:
            closed = access.closed(path, writing=True, endings=access.DATABASE)
            raise errors.StorePermission(self._path, closed or str(error.strerror)) from error
        except OSError as error:
            raise errors.StoreError(self._path, f"{error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise errors.StoreLocked(self._path, "another ingest is writing to it") from error
        try:
            if not path.exists():
                for suffix in ("-wal", "-shm"):
                    Path(f"{path}{suffix}").unlink(missing_ok=True)
            self._connection = open_writer(path, BUSY_SECONDS)
            self._waits = False
            self._file = identify(path)
            # Identifies the file as ours even when its header is destroyed.
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, str(self._file).encode("ascii"), 0)
            try:
                with translate_errors(self._path), transaction(self._connection):
                    self._begin(feed)
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            os.close(self._lock)
            raise

    def _begin(self, feed: Feed) -> None:
        execute = self._connection.execute
        row: Any = execute(
            "SELECT address, boot_id, attempts_left, heartbeat_uptime, least_delay, last_event_time"
            " FROM feed WHERE exchange = ?",
            (feed.exchange,),
        ).get
        if row is not None:
            address, boot, left, beat, least, event_time = row
            feed.last_event_time = event_time
            if address != feed.address:
                raise errors.StoreForeign(
                    self._path,
                    f"holds quotes of {address}; those of {feed.address} need another file"
                    " (FUNDING_DB)",
                )
            if boot != feed.boot_id:
                execute("UPDATE quote SET received_uptime = NULL")
            else:
                feed.attempts_left = Attempts(beat, left).left(feed.started_uptime)
                if least is not None:
                    feed.least_delay = least + CLOCK_DRIFT * (feed.started_uptime - beat)
        execute(FEED_WRITE, feed_row(feed))

    def symbols(self, exchange: str) -> list[str]:
        """The symbols stored for `exchange`."""
        select = "SELECT symbol FROM quote WHERE exchange = ?"
        with translate_errors(self._path):
            rows = self._connection.execute(select, (exchange,)).fetchall()
        return [str(symbol) for (symbol,) in rows]

    def write(
        self,
        feed: Feed,
        quotes: Iterable[tuple[Quote, float, float]] = (),
        events: Iterable[Event] = (),
        ceiling: int = 0,
    ) -> int:
        """Store `quotes` with their receipt (wall, uptime), `events` and `feed`, all or nothing.

        The quotes are as late as the feed is. `ceiling` is `quote.ceiling_ms` of the quotes.
        Returns how many of them were newer than what was stored, and adds that to
        `feed.accepted`.
        """
        connection = self._connection
        self._check_place()
        trail = list(events)
        self._wait_for_the_disk(bool(trail))
        rows = Rows(feed.exchange, quotes, feed.lag_seconds)
        with translate_errors(self._path), transaction(connection):
            stored = 0
            for statement, bindings in rows.statements(ceiling):
                connection.execute(statement, bindings)
                stored += connection.changes()  # without what a user's trigger does
            if stored:
                feed.last_frame_at, feed.last_frame_uptime = rows.last_receipt()
            feed.accepted += stored
            feed.repeated += len(rows) - stored
            add_events(connection, trail)
            connection.execute(FEED_WRITE, feed_row(feed))
        return stored

    def _wait_for_the_disk(self, wanted: bool) -> None:
        """Set whether a commit is on the disk when it returns. A power cut must not undo an event,
        which is reported once; quotes come again."""
        if wanted != self._waits:
            with translate_errors(self._path):
                self._connection.pragma("synchronous", "full" if wanted else "normal")
            self._waits = wanted

    def _check_place(self) -> None:
        """Raise when the path leads to another file, or to none: writing to a removed file
        succeeds, and nobody reads it."""
        if not self._is_there():
            raise errors.StoreError(self._path, "was removed or replaced while ingest wrote to it")
        if os.path.exists(self._marker):  # for each batch: a Path would take four times as long
            raise errors.StoreCorrupt(self._path, "another program found it damaged")

    def _is_there(self) -> bool:
        return identify(self._path) == self._file

    def retire(self, exchange: str, wall: float, uptime: float) -> list[str]:
        """Delete symbols without a quote for `RETIRE_SECONDS`; returns their names."""
        with translate_errors(self._path), transaction(self._connection):
            rows = self._connection.execute(
                "DELETE FROM quote WHERE exchange = ?1"
                " AND coalesce(?3 - received_uptime, ?2 - updated_at) > ?4 RETURNING symbol",
                (exchange, wall, uptime, RETIRE_SECONDS),
            ).fetchall()
        return [str(symbol) for (symbol,) in rows]

    def prune_events(self, before: float) -> None:
        """Delete events older than `before` Unix seconds."""
        with translate_errors(self._path), transaction(self._connection):
            self._connection.execute("DELETE FROM event WHERE at < ?", (before,))

    def checkpoint(self) -> int:
        """Move what can be moved from the WAL without waiting; returns the WAL's size in bytes."""
        with translate_errors(self._path):
            return checkpoint(self._connection)

    def close(self) -> None:
        """Empty the WAL unless a reader is active, and close the file."""
        try:
            with translate_errors(self._path):
                close_writer(self._connection, moved=not self._is_there())
        finally:
            os.close(self._lock)
