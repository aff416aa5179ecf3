"""Rows of the trail: what is read, and what is refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.errors import NatsGarbled
from funding.model.event import Event, EventKind
from funding.model.signal import Signal, SignalDirection, SignalKind, Zone
from funding.publish.trail_messages import message
from funding.replica import trail
from funding.replica.trail import TrailKind, TrailRow
from funding.store.trail_outbox import TrailRow as StoredRow
from tests.support.published import SENT

SIGNAL = Signal(
    *(SENT - 9, "binance", "BTCUSDT", SignalKind.ZONE, Zone.HIGH, SignalDirection.UP),
    *(0.0001, 2.5, "z is 2.5", 3, None, 7_000),
)
EVENT = Event(
    SENT - 8, "watchdog", EventKind.RESTART, "it hung", "funding:ingest", "silent", None, 2
)
COMPARISON = Comparison(
    *(SENT - 7, "watchdog", "binance", "BTCUSDT", Field.MARK_PRICE, 100.0, 100.5),
    *(-0.5, 120, Outcome.MISMATCH, 9_400, 1),
)
ROWS: dict[TrailKind, trail.Row] = {
    TrailKind.SIGNAL: SIGNAL,
    TrailKind.EVENT: EVENT,
    TrailKind.COMPARISON: COMPARISON,
}
FIELDS = {
    kind: msgspec.json.decode(message("one", StoredRow(3, row)).body) for kind, row in ROWS.items()
}
"""As takers send them."""


def body(of: TrailKind, **more: Any) -> bytes:
    return msgspec.json.encode({**FIELDS[of], **more})


@pytest.mark.parametrize("kind", TrailKind)
def test_a_row_comes_back(kind: TrailKind) -> None:
    at = 0.0 if kind is TrailKind.COMPARISON else ROWS[kind].at  # type: ignore[union-attr]
    expected = TrailRow(42, kind, ROWS[kind], ("one", 3, at))
    assert trail.decode(42, kind, body(kind)) == expected


def test_a_row_of_an_older_taker_lacks_what_is_new() -> None:
    fields = FIELDS[TrailKind.SIGNAL]
    values = {name: each for name, each in fields.items() if name != "eventTime"}
    found = trail.decode(1, TrailKind.SIGNAL, msgspec.json.encode(values))
    assert found.row == SIGNAL._replace(event_time=None)


@pytest.mark.parametrize(
    ("kind", "lacking"),
    [
        (TrailKind.SIGNAL, "zScore"),
        (TrailKind.EVENT, "source"),
        (TrailKind.COMPARISON, "restTime"),
        (TrailKind.EVENT, "taker"),
    ],
)
def test_a_row_that_lacks_a_value_is_refused(kind: TrailKind, lacking: str) -> None:
    """And does not take the next one for it."""
    values = {name: each for name, each in FIELDS[kind].items() if name != lacking}
    with pytest.raises(NatsGarbled):
        trail.decode(1, kind, msgspec.json.encode(values))


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (TrailKind.SIGNAL, {"kind": "other"}),
        (TrailKind.SIGNAL, {"at": "now"}),
        (TrailKind.EVENT, {"kind": "new-kind"}),
        (TrailKind.EVENT, {"count": 1.5}),
        (TrailKind.EVENT, {"count": 2**63}),
        (TrailKind.SIGNAL, {"eventTime": -(2**63) - 1}),
        (TrailKind.COMPARISON, {"restTime": 2**64}),
        (TrailKind.COMPARISON, {"outcome": None}),
        (TrailKind.COMPARISON, {"detail": "x" * trail.LONGEST_BODY}),
    ],
)
def test_what_the_store_would_refuse_is_refused(kind: TrailKind, more: dict[str, Any]) -> None:
    with pytest.raises(NatsGarbled):
        trail.decode(1, kind, body(kind, **more))


@given(st.binary(max_size=200), st.sampled_from(TrailKind))
def test_rubbish_is_refused(rubbish: bytes, kind: TrailKind) -> None:
    with pytest.raises(NatsGarbled):
        trail.decode(1, kind, rubbish)


@pytest.mark.parametrize("kind", TrailKind)
def test_a_part_of_a_row_is_refused(kind: TrailKind) -> None:
    whole = body(kind)
    for length in range(len(whole)):
        with pytest.raises(NatsGarbled):
            trail.decode(1, kind, whole[:length])
