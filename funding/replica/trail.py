"""Signals, events and comparisons as they travel: bytes → rows. Pure.

Each is the row of the taker's table as JSON, by the names of its columns, with its taker.
"""

from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from funding.comparison.pair import Comparison
from funding.errors import NatsGarbled
from funding.model.event import Event
from funding.model.signal import Signal

LONGEST_BODY = 65_536

Row = Signal | Event | Comparison


class TrailKind(StrEnum):
    """What travels; the words stand in subjects, and are the names of the tables."""

    SIGNAL = "signal"
    EVENT = "event"
    COMPARISON = "comparison"


_KINDS: dict[TrailKind, type[Any]] = {
    TrailKind.SIGNAL: Signal,
    TrailKind.EVENT: Event,
    TrailKind.COMPARISON: Comparison,
}
_columns = msgspec.json.Decoder(dict[str, Any])


class TrailRow(NamedTuple):
    """The message `number` of the stream."""

    number: int
    kind: TrailKind
    row: Row


def decode(number: int, kind: TrailKind, body: bytes) -> TrailRow:
    """What the message `number` says. Raises `NatsGarbled`."""
    subject, made = f"{kind} {number}", _KINDS[kind]
    if len(body) > LONGEST_BODY:
        raise NatsGarbled(subject, f"{len(body)} bytes, at most {LONGEST_BODY} were expected")
    try:
        values: Any = _columns.decode(body)
        # A tuple is read as its values in order; those at the end may be missing.
        names = getattr(made, "_fields", None)
        if names is not None:
            values = [values[name] for name in names if name in values]
        return TrailRow(number, kind, msgspec.convert(values, made))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NatsGarbled(subject, str(error)[:200]) from None
