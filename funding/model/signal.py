"""A signal: what a quote has set off. The words stand in the database and in answers."""

from enum import StrEnum
from typing import NamedTuple

MANY = "*"
"""The symbol of a signal that stands for many at once."""


class SignalKind(StrEnum):
    """What happened."""

    ZONE = "zone"  # the Z-score has entered another zone
    MOVE = "move"  # the rate has moved far within minutes
    CROSS = "cross"  # a threshold of the user was crossed


class Zone(StrEnum):
    """How far a rate is from its own past."""

    NORMAL = "normal"
    HIGH = "high"
    EXTREME = "extreme"


class SignalDirection(StrEnum):
    """Which way."""

    UP = "up"
    DOWN = "down"


class Signal(NamedTuple):
    """The columns of the table `signal` (see schema.sql) in order, without its id.

    `at` is Unix seconds, `rate` a fraction per interval; `symbols` is how many it stands for.
    `target` is where it is sent, None for every target. `event_time` is that of the quote that set
    it off, None in rows of an older version.
    """

    at: float
    exchange: str
    symbol: str
    kind: SignalKind
    zone: Zone | None
    direction: SignalDirection
    rate: float | None
    z_score: float | None
    detail: str
    symbols: int = 1
    target: str | None = None
    event_time: int | None = None
