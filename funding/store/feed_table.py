"""The feed row as SQL: its columns are the fields of `feed.Feed`, in their order."""

from dataclasses import fields
from operator import attrgetter

import apsw

from funding.model.feed import Feed
from funding.store.durable import DurableConnection

FEED_COLUMNS = tuple(field.name for field in fields(Feed))
FEED = f"SELECT {', '.join(FEED_COLUMNS)} FROM feed WHERE exchange = ?"
# Not REPLACE: that removes the row and its key, which is one page more in every transaction.
FEED_WRITE = (
    f"INSERT INTO feed ({', '.join(FEED_COLUMNS)})"
    f" VALUES ({', '.join('?' * len(FEED_COLUMNS))}) ON CONFLICT DO UPDATE SET "
    + ", ".join(
        # Whether REST stands in is for the history program to say.
        f"{name} = excluded.{name}"
        for name in FEED_COLUMNS
        if name not in ("exchange", "standby_since")
    )
)
# Where ingest has begun in this boot, its row stays.
FEED_BEGIN = f"{FEED_WRITE} WHERE feed.boot_id <> excluded.boot_id"
feed_row = attrgetter(*FEED_COLUMNS)
EXCHANGE_OFFSET = "SELECT exchange_offset FROM feed WHERE exchange = ?"
_OF_ANOTHER_BOOT = (
    "UPDATE quote SET received_uptime = NULL WHERE exchange = ?",
    "UPDATE feed SET exchange_offset = NULL WHERE exchange = ?",
)
_OF_ADDRESS = ("quote", "bar", "comparison", "funding_rate", "signal")
"""Tables whose rows are of the address in the feed row."""
_HOLDS = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE exchange = ?1)" for table in _OF_ADDRESS)


def holds_anything_of(connection: apsw.Connection, exchange: str) -> bool:
    """Whether anything came from the address of the feed row; not so while nobody answered."""
    return bool(connection.execute(f"SELECT {_HOLDS}", (exchange,)).get)


def forget_boot(connection: apsw.Connection, exchange: str) -> None:
    """What is stored of `exchange` was received in another boot: no clock tells how long ago."""
    for change in _OF_ANOTHER_BOOT:
        connection.execute(change, (exchange,))


def begin_without_ingest(connection: apsw.Connection, feed: Feed) -> None:
    """Store `feed` where no ingest has begun in its boot, so that ages can be told."""
    connection.execute(FEED_BEGIN, feed_row(feed))
    if connection.changes():
        forget_boot(connection, feed.exchange)


def set_exchange_offset(store: DurableConnection, exchange: str, boot: str, offset: float) -> None:
    """Store the clock of `exchange` minus our uptime in `boot`, in seconds. It is no part of the
    row as ingest writes it: the program that asks REST tells ingest."""
    with store.transaction() as connection:
        connection.execute(
            "UPDATE feed SET exchange_offset = ?3 WHERE exchange = ?1 AND boot_id = ?2",
            (exchange, boot, offset),
        )
