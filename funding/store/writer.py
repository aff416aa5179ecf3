"""What ingest writes: quotes, the feed row and events."""

import os
from collections.abc import Iterable
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
from funding.store.events import add_events
from funding.store.feed_table import (
    EXCHANGE_OFFSET,
    FEED_WRITE,
    feed_row,
    forget_boot,
    holds_anything_of,
)
from funding.store.held_database import HeldDatabase
from funding.store.lock_holder import locked_by
from funding.store.quote_table import Rows
from funding.store.signal_table import Findings, add_signals, set_levels

NO_FINDINGS = Findings((), (), {})


class Writer:
    """Writes quotes, the feed row and events of one exchange, in one transaction per batch.

    For one thread. Raises `StoreError`s, and is used or not after one as `HeldDatabase` says.
    """

    def __init__(self, path: Path, feed: Feed) -> None:
        self._path = path
        self._database = HeldDatabase(path, feed.exchange)
        try:
            with self._database.changing() as connection:
                self._begin(connection, feed)
            self._database.begun()
        except BaseException:
            self._database.give_up()
            raise

    @property
    def set_aside(self) -> Path | None:
        """Where a damaged database is now."""
        return self._database.set_aside

    def _begin(self, connection: apsw.Connection, feed: Feed) -> None:
        execute = connection.execute
        row: Any = execute(
            "SELECT address, boot_id, attempts_left, heartbeat_uptime, least_delay, last_event_time"
            " FROM feed WHERE exchange = ?",
            (feed.exchange,),
        ).get
        if row is not None:
            address, boot, left, beat, least, event_time = row
            feed.last_event_time = event_time
            if address != feed.address and holds_anything_of(connection, feed.exchange):
                raise errors.StoreForeign(
                    str(self._path),
                    f"holds quotes of {address}; those of {feed.address} need another file"
                    " (FUNDING_DB)",
                )
            if boot != feed.boot_id:
                forget_boot(connection, feed.exchange)
            else:
                feed.attempts_left = Attempts(beat, left).left(feed.started_uptime)
                if least is not None:
                    feed.least_delay = least + CLOCK_DRIFT * (feed.started_uptime - beat)
        execute(FEED_WRITE, feed_row(feed))

    def exchange_offset(self, exchange: str) -> float | None:
        """The clock of `exchange` minus our uptime, in seconds, as REST tells it."""
        with self._database.translating():
            found: Any = self._database.connection.execute(EXCHANGE_OFFSET, (exchange,)).get
        return None if found is None else float(found)

    def locked_by(self) -> str:
        """The process that holds the write lock, in words; "" where the system does not tell."""
        return locked_by(self._path, os.getpid())

    def symbols(self, exchange: str) -> list[str]:
        """The symbols stored for `exchange`."""
        select = "SELECT symbol FROM quote WHERE exchange = ?"
        with self._database.translating():
            rows = self._database.connection.execute(select, (exchange,)).fetchall()
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
        self._database.check_place()
        source = ingest_source(feed.exchange)
        trail = [replace(event, source=source) for event in events]
        self._database.wait_for_the_disk(bool(trail or findings.signals))
        rows = Rows(feed.exchange, quotes, scores=findings.scores)
        with self._database.changing() as connection:
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
        self._database.wrote()
        return stored

    def write_bars(
        self, exchange: str, bars: Iterable[Bar], minutes_before: float, hours_before: float
    ) -> None:
        """Store `bars` of `exchange`, and delete those that began before these Unix seconds."""
        self._database.check_place()
        with self._database.changing() as connection:
            add_bars(connection, bars)
            prune_bars(connection, exchange, minutes_before, hours_before)
        self._database.wrote()

    def last_minute(self, exchange: str) -> int | None:
        """Where the newest bar of a minute begins, in Unix seconds."""
        with self._database.translating():
            return last_minute(self._database.connection, exchange)

    def rows(self, statement: str, bindings: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """What `statement` reads."""
        with self._database.translating():
            return self._database.connection.execute(statement, bindings).fetchall()

    def others_wrote(self) -> bool:
        """Whether another program has written since the last call; the first time True."""
        return self._database.others_wrote()

    def retire(self, exchange: str, wall: float, uptime: float) -> list[str]:
        """Delete symbols without a quote for a day; returns their names."""
        with self._database.changing() as connection:
            return retention.retire(connection, exchange, wall, uptime)

    def prune_events(self, before: float) -> bool:
        """Delete events and signals older than `before` Unix seconds, and return disk space;
        whether more of either is left for the next call."""
        with self._database.changing() as connection:
            left = retention.prune_events(connection, before)
            return retention.return_space(connection) or left

    def checkpoint(self) -> int:
        """Move what can be moved from the WAL without waiting; returns the WAL's size in bytes, 0
        where that is another writer's."""
        return self._database.checkpoint()

    def close(self) -> None:
        """Empty the WAL unless a reader is active, and close the file."""
        self._database.close()
