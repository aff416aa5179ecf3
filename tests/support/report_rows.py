"""One row of `comparison`, as the report reads it."""

from typing import Any

from validation.read.rows import Row

AT = 1_789_978_500.0
"""Half past the hour, far from a settlement."""


def row(**changes: Any) -> Row:
    """A fair pair of BTCUSDT prices, with `changes`."""
    time = int(changes.get("at", AT) * 1000) - 300
    fair = Row(
        1, AT, "watchdog", "BTCUSDT", "mark_price", 100.0, 100.0, 0.0, 0, "match", time
    )  # fmt: skip
    return fair._replace(**changes)
