"""Rows of the trail as messages of the stream: subject, body, and the id by which one that comes
twice is known.

Bodies have the fields of the API's rows, and `taker`: the machine whose row it is.
"""

from hashlib import blake2b

import msgspec

from funding.comparison.pair import Comparison
from funding.model.event import Event
from funding.model.signal import MANY, Signal, SignalKind
from funding.nats import subjects
from funding.nats.connection import Append
from funding.store.trail_outbox import TrailRow

LONGEST_TEXT = 4_000
"""Characters of `detail` at most: a server refuses a message of more than a megabyte."""


class SignalMessage(msgspec.Struct, rename="camel"):
    """One signal; `at` is Unix seconds, `event_time` epoch ms of the exchange."""

    taker: str
    id: int
    at: float
    exchange: str
    symbol: str
    kind: str
    zone: str | None
    direction: str
    rate: float | None
    z_score: float | None
    detail: str
    count: int
    event_time: int | None


class EventMessage(msgspec.Struct, rename="camel"):
    """One event. It is sent again with its `duration_seconds` when it has ended; `count` is what it
    was at that moment."""

    taker: str
    id: int
    at: float
    source: str
    kind: str
    detail: str
    program: str | None
    rule: str | None
    duration_seconds: float | None
    count: int


class ComparisonMessage(msgspec.Struct, rename="camel"):
    """One value of the stream beside that of REST."""

    taker: str
    id: int
    compared_at: float
    source: str
    exchange: str
    symbol: str
    field: str
    ws_value: float | None
    rest_value: float | None
    difference_pct: float | None
    skew_ms: int | None
    outcome: str
    rest_time: int | None
    explained: bool | None


def message(taker: str, row: TrailRow) -> Append:
    """The row of the machine `taker` for the stream."""
    if isinstance(row.row, Signal):
        return _signal(taker, row.id, row.row)
    if isinstance(row.row, Event):
        return _event(taker, row.id, row.row)
    return _comparison(taker, row.id, row.row)


def _signal(taker: str, number: int, signal: Signal) -> Append:
    fields = signal[:-2]  # without its target, which is a setting of that machine
    at, exchange, symbol, kind, zone, direction, rate, z_score, detail, count = fields
    body = SignalMessage(
        *(taker, number, at, exchange, symbol, kind, zone, direction, rate, z_score),
        detail[:LONGEST_TEXT],
        count,
        signal.event_time,
    )
    return Append(
        subjects.signals(exchange), msgspec.json.encode(body), _signal_id(taker, number, signal)
    )


def _signal_id(taker: str, number: int, signal: Signal) -> str:
    """The same for each taker that has seen the quote: its event time is the exchange's."""
    if signal.event_time is None:
        return _own_id(taker, "signal", number, signal.at)
    # What tells two of one quote apart: the threshold that was crossed, and who is told of it; of
    # a storm whose it is.
    words = signal.detail
    if signal.symbol != MANY:
        words = words.partition(": ")[0] if signal.kind == SignalKind.CROSS else ""
    cause = blake2b(f"{words}\n{signal.target}".encode(), digest_size=8).hexdigest()
    return "/".join(
        (
            "signal",
            signal.exchange,
            subjects.symbol_token(signal.symbol),
            signal.kind,
            signal.zone or "-",
            signal.direction,
            str(signal.event_time),
            cause,
        )
    )


def _event(taker: str, number: int, event: Event) -> Append:
    body = EventMessage(
        *(taker, number, event.at, event.source, event.kind, event.detail[:LONGEST_TEXT]),
        *(event.program, event.rule, event.duration_seconds, event.count),
    )
    own = _own_id(taker, "event", number, event.at)
    ended = "" if event.duration_seconds is None else f"/{event.duration_seconds}"
    return Append(subjects.events(taker), msgspec.json.encode(body), f"{own}{ended}")


def _comparison(taker: str, number: int, row: Comparison) -> Append:
    body = ComparisonMessage(
        *(taker, number, *row[:-1]), None if row.explained is None else bool(row.explained)
    )
    return Append(
        subjects.comparisons(row.exchange),
        msgspec.json.encode(body),
        _own_id(taker, "comparison", number, row.compared_at),
    )


def _own_id(taker: str, table: str, number: int, at: float) -> str:
    return f"{subjects.token(taker)}/{table}/{number}/{at}"
