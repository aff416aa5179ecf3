"""The feed row as SQL: its columns are the fields of `feed.Feed`, in their order."""

from dataclasses import fields
from operator import attrgetter

from funding.feed import Feed

FEED_COLUMNS = tuple(field.name for field in fields(Feed))
FEED = f"SELECT {', '.join(FEED_COLUMNS)} FROM feed WHERE exchange = ?"
FEED_WRITE = (
    f"INSERT OR REPLACE INTO feed ({', '.join(FEED_COLUMNS)})"
    f" VALUES ({', '.join('?' * len(FEED_COLUMNS))})"
)
feed_row = attrgetter(*FEED_COLUMNS)
