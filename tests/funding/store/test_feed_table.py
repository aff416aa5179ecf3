"""The feed row comes back field by field."""

from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from funding.model.feed import Feed
from funding.store.writer import Writer
from tests.support.clock import ManualClock, feed_at
from tests.support.store import reading


def test_every_field_of_the_feed_row_comes_back(path: Path) -> None:
    floats = [field.name for field in fields(Feed) if field.type is float]
    numbers: Any = {name: float(n) for n, name in enumerate(floats)}
    feed = replace(
        feed_at(ManualClock().clock()), **numbers, connected=1, frames=7, reasons='{"a":1}',
        last_error="lost", last_error_at=3.0, last_event_time=5,
    )  # fmt: skip
    with closing(Writer(path, feed)) as writer, reading(path) as reader:
        writer.write(feed)
        assert reader.feed() == feed
