"""The feed row as SQL: its columns are the fields of `feed.Feed`, in their order."""

from dataclasses import fields
from operator import attrgetter

from funding.model.feed import Feed

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
