"""Rows of the trail as messages."""

import json
from dataclasses import replace
from typing import Any

import pytest

from funding.comparison.difference import Outcome
from funding.model.event import Event, EventKind
from funding.model.signal import MANY, Signal, SignalDirection, SignalKind, Zone
from funding.nats.connection import Append
from funding.publish.trail_messages import LONGEST_TEXT, message
from funding.store.trail_outbox import TrailRow
from tests.support.signals import AT, signal
from tests.support.store import comparison

EVENT = Event(
    AT, "watchdog", EventKind.RESTART, "no data", program="funding:ingest", rule="no data", count=2
)


def body(sent: Append) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sent.body)
    return found


def id_of(row: Signal, taker: str = "a", number: int = 1) -> str:
    return message(taker, TrailRow(number, row)).message_id


def test_signal_has_the_fields_of_the_api_and_no_target() -> None:
    sent = message("a", TrailRow(5, signal(event_time=9_000, target="webhook")))
    assert sent.subject == "funding-trail.signal.binance"
    assert body(sent) == {
        "taker": "a",
        "id": 5,
        "at": AT,
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "kind": "zone",
        "zone": "high",
        "direction": "up",
        "rate": 0.0005,
        "zScore": 2.5,
        "detail": "why",
        "count": 1,
        "eventTime": 9_000,
    }


def test_event_says_whose_it_is() -> None:
    sent = message("host 1", TrailRow(6, EVENT))
    assert sent.subject == "funding-trail.event.host=201"
    assert sent.message_id == f"host=201/event/6/{AT}"
    assert body(sent) == {
        "taker": "host 1",
        "id": 6,
        "at": AT,
        "source": "watchdog",
        "kind": "restart",
        "detail": "no data",
        "program": "funding:ingest",
        "rule": "no data",
        "durationSeconds": None,
        "count": 2,
    }


def test_event_that_has_ended_is_another_message() -> None:
    ids = {
        message("a", TrailRow(6, replace(EVENT, duration_seconds=seconds))).message_id
        for seconds in (None, 2.5, 3.5)
    }
    assert len(ids) == 3


def test_comparison_has_all_its_columns() -> None:
    row = comparison(AT)._replace(outcome=Outcome.MISMATCH, explained=1)
    sent = message("a", TrailRow(7, row))
    assert (sent.subject, sent.message_id) == (
        "funding-trail.comparison.binance",
        f"a/comparison/7/{AT}",
    )
    assert body(sent) == {
        "taker": "a",
        "id": 7,
        "comparedAt": AT,
        "source": "test",
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "field": "mark_price",
        "wsValue": row.ws_value,
        "restValue": row.rest_value,
        "differencePct": row.difference_pct,
        "skewMs": row.skew_ms,
        "outcome": "mismatch",
        "restTime": row.rest_time,
        "explained": True,
    }


def test_signal_of_one_quote_is_one_message_whoever_saw_it() -> None:
    mine = signal(event_time=9_000)
    theirs = mine._replace(at=AT + 0.2, z_score=2.51, detail="other words")
    assert id_of(mine, "a", 1) == id_of(theirs, "b", 77)


@pytest.mark.parametrize(
    "other",
    [
        signal("ETHUSDT", event_time=9_000),
        signal("币安人生USDT", event_time=9_000),
        signal(event_time=9_001),
        signal(event_time=9_000, exchange="kucoin"),
        signal(event_time=9_000, kind=SignalKind.MOVE),
        signal(event_time=9_000, zone=Zone.EXTREME),
        signal(event_time=9_000, zone=None),
        signal(event_time=9_000, direction=SignalDirection.DOWN),
        signal(event_time=9_000, target="webhook"),
        signal(event_time=None),
    ],
)
def test_signals_of_different_causes_are_different_messages(other: Signal) -> None:
    assert id_of(other) != id_of(signal(event_time=9_000))
    assert id_of(other).isascii()


def test_two_thresholds_crossed_by_one_quote_are_two_messages() -> None:
    crossed = signal(event_time=9_000, kind=SignalKind.CROSS)
    first = crossed._replace(detail="z_score above 2 (line 7 of signals.toml): 2.5")
    as_theirs = crossed._replace(detail="z_score above 2 (line 7 of signals.toml): 2.51")
    second = crossed._replace(detail="z_score above 1 (line 9 of signals.toml): 2.5")
    assert id_of(first) == id_of(as_theirs, "b") != id_of(second)


def test_storms_are_told_apart_by_their_symbols() -> None:
    storm = signal(MANY, event_time=9_000, symbols=20, detail="20 symbols at once: high: A, B")
    assert id_of(storm) == id_of(storm, "b", 9)
    assert id_of(storm) != id_of(storm._replace(detail="20 symbols at once: high: A, C"))


def test_signal_of_an_older_version_is_each_machines_own() -> None:
    assert id_of(signal(), "a", 4) == f"a/signal/4/{AT}"


def test_endless_text_is_cut() -> None:
    for row in (signal(detail="x" * 100_000), replace(EVENT, detail="x" * 100_000)):
        assert len(body(message("a", TrailRow(1, row)))["detail"]) == LONGEST_TEXT
