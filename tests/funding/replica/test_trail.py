"""Rows of the trail: what is read, and what is refused."""

from dataclasses import asdict
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
from funding.replica import trail
from funding.replica.trail import TrailKind, TrailRow
from tests.support.published import SENT

SIGNAL = Signal(
    *(SENT - 9, "binance", "BTCUSDT", SignalKind.ZONE, Zone.HIGH, SignalDirection.UP),
    *(0.0001, 2.5, "z is 2.5", 1, None, 7_000),
)
EVENT = Event(
    SENT - 8, "watchdog", EventKind.RESTART, "it hung", "funding:ingest", "silent", None, 2
)
COMPARISON = Comparison(
    *(SENT - 7, "watchdog", "binance", "BTCUSDT", Field.MARK_PRICE, 100.0, 100.5),
    *(-0.5, 120, Outcome.MISMATCH, 9_400, 1),
)
BODIES: dict[TrailKind, tuple[trail.Row, dict[str, Any]]] = {
    TrailKind.SIGNAL: (SIGNAL, SIGNAL._asdict()),
    TrailKind.EVENT: (EVENT, asdict(EVENT)),
    TrailKind.COMPARISON: (COMPARISON, COMPARISON._asdict()),
}


def body(of: TrailKind, **more: Any) -> bytes:
    return msgspec.json.encode({**BODIES[of][1], "id": 3, "taker": "one", **more})


@pytest.mark.parametrize("kind", TrailKind)
def test_a_row_comes_back(kind: TrailKind) -> None:
    assert trail.decode(42, kind, body(kind)) == TrailRow(42, kind, BODIES[kind][0])


def test_a_row_of_an_older_taker_lacks_what_is_new() -> None:
    values = {name: each for name, each in SIGNAL._asdict().items() if name != "event_time"}
    found = trail.decode(1, TrailKind.SIGNAL, msgspec.json.encode(values))
    assert found.row == SIGNAL._replace(event_time=None)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (TrailKind.SIGNAL, {"kind": "other"}),
        (TrailKind.SIGNAL, {"at": "now"}),
        (TrailKind.EVENT, {"kind": "new-kind"}),
        (TrailKind.EVENT, {"count": 1.5}),
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
