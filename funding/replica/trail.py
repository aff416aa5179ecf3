"""Signals, events and comparisons as they travel: bytes → rows. Pure.

Each has the fields of the API's row of it, and the machine whose row it is.
"""

from collections.abc import Mapping
from dataclasses import astuple, fields
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from funding.comparison.pair import Comparison
from funding.errors import NatsGarbled
from funding.model.event import Event
from funding.model.signal import Signal
from funding.nats.messages import can_be_stored

LONGEST_BODY = 65_536

Row = Signal | Event | Comparison


class TrailKind(StrEnum):
    """What travels; the words stand in subjects, and are the names of the tables."""

    SIGNAL = "signal"
    EVENT = "event"
    COMPARISON = "comparison"


class TrailRow(NamedTuple):
    """The message `number` of the stream. An event is sent again when it has ended: `origin` is the
    same both times, its machine with the id and the time that it has there."""

    number: int
    kind: TrailKind
    row: Row
    origin: tuple[str, int, float]


class _Origin(msgspec.Struct, rename="camel"):
    taker: str
    id: int
    at: float = 0.0


def _wire(name: str) -> str:
    """The field of a column: `z_score` is `zScore`."""
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


def _columns(names: list[str], **other: str) -> dict[str, str]:
    """The columns in order, each with its field."""
    return {name: other.get(name, _wire(name)) for name in names}


_COLUMNS: Mapping[TrailKind, Mapping[str, str]] = {
    TrailKind.SIGNAL: _columns(list(Signal._fields), symbols="count"),
    TrailKind.EVENT: _columns([field.name for field in fields(Event)]),
    TrailKind.COMPARISON: _columns(list(Comparison._fields)),
}
_fields = msgspec.json.Decoder(dict[str, Any])


def decode(number: int, kind: TrailKind, body: bytes) -> TrailRow:
    """What the message `number` says. Raises `NatsGarbled`."""
    name = f"{kind} {number}"
    if len(body) > LONGEST_BODY:
        raise NatsGarbled(name, f"{len(body)} bytes, at most {LONGEST_BODY} were expected")
    try:
        found = _fields.decode(body)
        origin = msgspec.convert(found, _Origin)
        row = _row(kind, found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NatsGarbled(name, str(error)[:200]) from None
    except KeyError as error:
        raise NatsGarbled(name, f"it lacks {error}") from None
    if not can_be_stored(astuple(row) if isinstance(row, Event) else row):
        raise NatsGarbled(name, "a value is out of range")
    return TrailRow(number, kind, row, (origin.taker, origin.id, origin.at))


def _row(kind: TrailKind, found: Mapping[str, Any]) -> Row:
    columns = _COLUMNS[kind]
    if kind is TrailKind.EVENT:
        known = {name: found[field] for name, field in columns.items() if field in found}
        return msgspec.convert(known, Event)
    if kind is TrailKind.COMPARISON:
        values = [found[field] for field in columns.values()]
        explained = values.pop()  # a truth there, a number in the table
        values.append(int(explained) if isinstance(explained, bool) else explained)
        return msgspec.convert(values, Comparison)
    # Where a signal is sent is a setting of its own machine; older ones have no event time.
    absent = {"target": None, "event_time": None}
    values = [
        found.get(field, absent[name]) if name in absent else found[field]
        for name, field in columns.items()
    ]
    return msgspec.convert(values, Signal)
