"""What ingest writes: quotes, the feed row and events."""

import logging
import os
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw

from funding import errors
from funding.model.bar import Bar
from funding.model.event import Event, ingest_source
from funding.model.feed import CLOCK_DRIFT, Feed
from funding.model.quote import Quote
from funding.runtime.backoff import Attempts
from funding.store import retention
from funding.store.bar_table import add_bars, last_minute, prune_bars
from funding.store.damage import is_marked, marker_path, report_damage
from funding.store.database import (
    bring_up_to_date,
    checkpoint,
    close_writer,
    open_existing,
    open_reader,
    open_writer,
    transaction,
    translate_errors,
)
from funding.store.events import add_events
from funding.store.feed_table import (
    EXCHANGE_OFFSET,
    FEED_WRITE,
    feed_row,
    forget_boot,
    holds_anything_of,
)
from funding.store.file_identity import DatabaseFiles, identify_all
from funding.store.ingest_lock import IngestLock
from funding.store.lock_holder import locked_by
from funding.store.quote_table import Rows
from funding.store.recovery import remove_sidecars, set_aside_if_damaged
from funding.store.signal_table import Findings, add_signals, set_levels

log = logging.getLogger("ingest")

NO_FINDINGS = Findings((), (), {})
BUSY_SECONDS = 0.5
"""How long a batch waits for another program's lock, so that ingest goes on receiving."""


class Writer:
    """Writes quotes, the feed row and events of one exchange, in one transaction per batch.

    For one thread. Raises `StoreError`s: a second writer of the same exchange is refused at once,
    with `StoreInUse`, and leaves the file as it is. After `StoreLocked` it may be used again; after
    another error a new one begins with what is there. `set_aside` is where a damaged database is
    now. Only the writer that owns the database (see `IngestLock`) makes, mends and checkpoints it.
    """

    def __init__(self, path: Path, feed: Feed) -> None:
        self._path = path
        self._name = str(path)
        self._marker = str(marker_path(path))
        self._files: DatabaseFiles | None = None
        self._lock = IngestLock(path, feed.exchange)
        self.set_aside: Path | None = None
        try:
            if self._lock.owns:
                real = path.resolve()  # what lies beside it is named after it, and not after a link
                self.set_aside = set_aside_if_damaged(real)
                if not path.exists():
                    remove_sidecars(real)
                self._lock.hold_file()
            self._open()
            try:
                with translate_errors(self._name), transaction(self._connection):
                    self._begin(feed)
                self._note_state()
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> None:
        if self._lock.owns:
            self._connection = open_writer(self._path, BUSY_SECONDS)
            self._lock.name_file()
        else:
            self._connection = self._opened_beside()
        self._waits = False
        self._data_version = -1
        with translate_errors(self._name):
            self._schema = _schema(self._connection)
            if self._lock.owns:
                # The header, which says whose file it is, belongs into the main file at once.
                checkpoint(self._connection)

    def _opened_beside(self) -> apsw.Connection:
        """A connection to what the owner has made; `StoreLocked` while it has not."""
        try:
            with translate_errors(self._name):
                return open_existing(self._path, BUSY_SECONDS)
        except errors.StoreMissing as error:
            text = f"another ingest has yet to prepare it: {error.detail}"
            raise errors.StoreLocked(self._name, text) from error

    def _note_state(self) -> None:
        self._files, self._written = identify_all(self._name), _last_written(self._name)

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
            if address != feed.address and holds_anything_of(self._connection, feed.exchange):
                raise errors.StoreForeign(
                    self._name,
                    f"holds quotes of {address}; those of {feed.address} need another file"
                    " (FUNDING_DB)",
                )
            if boot != feed.boot_id:
                forget_boot(self._connection, feed.exchange)
            else:
                feed.attempts_left = Attempts(beat, left).left(feed.started_uptime)
                if least is not None:
                    feed.least_delay = least + CLOCK_DRIFT * (feed.started_uptime - beat)
        execute(FEED_WRITE, feed_row(feed))

    def exchange_offset(self, exchange: str) -> float | None:
        """The clock of `exchange` minus our uptime, in seconds, as REST tells it."""
        with translate_errors(self._name):
            found: Any = self._connection.execute(EXCHANGE_OFFSET, (exchange,)).get
        return None if found is None else float(found)

    def locked_by(self) -> str:
        """The process that holds the write lock, in words; "" where the system does not tell."""
        return locked_by(self._path, os.getpid())

    def symbols(self, exchange: str) -> list[str]:
        """The symbols stored for `exchange`."""
        select = "SELECT symbol FROM quote WHERE exchange = ?"
        with translate_errors(self._name):
            rows = self._connection.execute(select, (exchange,)).fetchall()
        return [str(symbol) for (symbol,) in rows]

    def write(
        self,
        feed: Feed,
        quotes: Iterable[tuple[Quote, float, float]] = (),
        events: Iterable[Event] = (),
        ceiling: int = 0,
        findings: Findings = NO_FINDINGS,
    ) -> int:
        """Store `quotes` with their receipt (wall, uptime without lag) and what they mean, `events`
        and `feed`, all or nothing.

        `ceiling` is `quote.ceiling_ms` of the quotes.
        Returns how many of them were newer than what was stored, and adds that to
        `feed.accepted`.
        """
        self._check_place()
        connection = self._connection
        source = ingest_source(feed.exchange)
        trail = [replace(event, source=source) for event in events]
        self._wait_for_the_disk(bool(trail or findings.signals))
        rows = Rows(feed.exchange, quotes, scores=findings.scores)
        with translate_errors(self._name), transaction(connection):
            stored = 0
            for statement, bindings in rows.statements(ceiling):
                connection.execute(statement, bindings)
                stored += connection.changes()  # without what a user's trigger does
            if stored:
                feed.last_frame_at, prompt = rows.last_receipt()
                feed.last_frame_uptime = prompt + feed.lag_seconds
            feed.accepted += stored
            feed.repeated += len(rows) - stored
            if findings.levels:
                set_levels(connection, feed.exchange, findings.levels)
            if findings.signals:
                add_signals(connection, findings.signals)
            add_events(connection, trail)
            connection.execute(FEED_WRITE, feed_row(feed))
        self._written = _last_written(self._name)  # the commit may have moved the WAL
        return stored

    def write_bars(
        self, exchange: str, bars: Iterable[Bar], minutes_before: float, hours_before: float
    ) -> None:
        """Store `bars` of `exchange`, and delete those that began before these Unix seconds."""
        self._check_place()
        with translate_errors(self._name), transaction(self._connection):
            add_bars(self._connection, bars)
            prune_bars(self._connection, exchange, minutes_before, hours_before)
        self._written = _last_written(self._name)

    def last_minute(self, exchange: str) -> int | None:
        """Where the newest bar of a minute begins, in Unix seconds."""
        with translate_errors(self._name):
            return last_minute(self._connection, exchange)

    def rows(self, statement: str, bindings: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """What `statement` reads."""
        with translate_errors(self._name):
            return self._connection.execute(statement, bindings).fetchall()

    def others_wrote(self) -> bool:
        """Whether another program has written since the last call; the first time True."""
        with translate_errors(self._name):
            version = int(self._connection.pragma("data_version"))
        before, self._data_version = self._data_version, version
        return version != before

    def _wait_for_the_disk(self, wanted: bool) -> None:
        """Set whether a commit is on the disk when it returns. A power cut must not undo an event,
        which is reported once; quotes come again."""
        if wanted != self._waits:
            with translate_errors(self._name):
                self._connection.pragma("synchronous", "full" if wanted else "normal")
            self._waits = wanted

    def _check_place(self) -> None:
        """Raise when the database is not what this writes to any more: a file of it was removed or
        replaced, or its content was. Writing to a removed file succeeds, and nobody reads it."""
        if (files := identify_all(self._name)) != self._files:
            self._leave_to(files)
            raise errors.StoreError(self._name, "was removed or replaced while ingest wrote to it")
        # For each batch: a Path would take four times as long.
        if os.path.exists(self._marker) and is_marked(self._path):
            self._change_nothing_at_close()
            raise errors.StoreCorrupt(self._name, "another program found it damaged")
        if self._lock.owns and _last_written(self._name) != self._written:
            self._check_content()

    def _leave_to(self, files: DatabaseFiles) -> None:
        """Begin no more with what this wrote to: `files` are at its place now. Where another main
        file is, what this has beside it would be taken for that one's, and damage it."""
        mine = self._files
        self._change_nothing_at_close()
        if mine is None or files.main in (None, mine.main):
            return
        for ending, old, new in (("-wal", mine.wal, files.wal), ("-shm", mine.shm, files.shm)):
            if old == new:
                with suppress(OSError):
                    os.unlink(f"{os.path.realpath(self._name)}{ending}")

    def _check_content(self) -> None:
        """Somebody else has written to the main file: SQLite for another program, or a `cp`."""
        try:
            with translate_errors(self._name), closing(open_reader(self._path)) as fresh:
                found = str(fresh.execute("PRAGMA integrity_check(1)").get)
        except errors.StoreLocked:
            raise
        except errors.StoreError as error:
            found = error.detail
        if found != "ok":
            self._change_nothing_at_close()
            report_damage(self._path)
            raise errors.StoreCorrupt(
                self._name, f"was changed by another program while ingest wrote to it ({found})"
            )
        # What this connection remembers of the file may not be true any more.
        self._change_nothing_at_close()
        self._connection.close()
        self._open()
        self._note_state()

    def _change_nothing_at_close(self) -> None:
        self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._files = None  # not those that this writes to: `close` then moves nothing into them

    def retire(self, exchange: str, wall: float, uptime: float) -> list[str]:
        """Delete symbols without a quote for a day; returns their names."""
        with translate_errors(self._name), transaction(self._connection):
            return retention.retire(self._connection, exchange, wall, uptime)

    def prune_events(self, before: float) -> bool:
        """Delete events and signals older than `before` Unix seconds, and return disk space;
        whether more of either is left for the next call."""
        with translate_errors(self._name), transaction(self._connection):
            left = retention.prune_events(self._connection, before)
            return retention.return_space(self._connection) or left

    def checkpoint(self) -> int:
        """Move what can be moved from the WAL without waiting; returns the WAL's size in bytes, 0
        where that is another writer's."""
        self._check_place()
        if not self._lock.owns:
            return 0
        with translate_errors(self._name):
            self._check_schema()
            size = checkpoint(self._connection)
        self._written = _last_written(self._name)
        return size

    def _check_schema(self) -> None:
        """Make again what somebody has removed of our tables, or of the version of the file."""
        found = _schema(self._connection)
        if found == self._schema:
            return
        try:
            bring_up_to_date(self._connection, self._name)
        except errors.StoreNewer as error:
            log.warning("%s; the next start of ingest will refuse it", error)
        self._schema = _schema(self._connection)

    def close(self) -> None:
        """Empty the WAL unless a reader is active, and close the file."""
        try:
            with translate_errors(self._name):
                moved = identify_all(self._name) != self._files
                if self._lock.owns or moved:
                    close_writer(self._connection, moved=moved)
                else:
                    self._connection.close()
        finally:
            self._lock.close()


def _schema(connection: apsw.Connection) -> tuple[int, int]:
    """A value that changes with the tables, and with the version that is written down."""
    return connection.pragma("schema_version"), connection.pragma("user_version")


def _last_written(path: str) -> tuple[int, int]:
    """A value that changes when the file at `path` is written to."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
