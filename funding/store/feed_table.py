"""The feed row as SQL: its columns are the fields of `feed.Feed`, in their order."""

from dataclasses import fields
from operator import attrgetter

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
feed_row = attrgetter(*FEED_COLUMNS)
EXCHANGE_OFFSET = "SELECT exchange_offset FROM feed WHERE exchange = ?"


def set_exchange_offset(store: DurableConnection, exchange: str, boot: str, offset: float) -> None:
    """Store the clock of `exchange` minus our uptime in `boot`, in seconds. It is no part of the
    row as ingest writes it: the program that asks REST tells ingest."""
    with store.transaction() as connection:
        connection.execute(
            "UPDATE feed SET exchange_offset = ?3 WHERE exchange = ?1 AND boot_id = ?2",
            (exchange, boot, offset),
        )
