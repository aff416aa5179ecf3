"""The verdict on the service's health, as `/funding/health` gives it."""

import math
from dataclasses import replace
from math import inf
from typing import Any

import msgspec
import pytest

from funding.health.verdict import (
    Health,
    Limits,
    Status,
    heartbeat_age,
    is_filled_in,
    judge,
    trades,
)
from funding.model.contract import ContractStatus
from funding.model.feed import Feed, StoredQuote
from funding.model.quote import Source

LIMITS = Limits(stale_after=180.0, min_symbols=500)
FEED = Feed(
    exchange="binance",
    address="fstream.binance.com",
    pid=1,
    boot_id="this boot",
    started_at=1_764_726_147.0,
    started_uptime=100.0,
    heartbeat_at=1_764_726_159.3,
    heartbeat_uptime=112.3,
    connected=1,
    connections=1,
    good_since=1_764_726_148.5,
    last_connected_at=1_764_726_147.97,
    frames=1_944,
    reconnects=3,
)
KEYS = [
    "status",
    "websocketConnected",
    "symbolCount",
    "staleSymbols",
    "uptimeSeconds",
    "lastConnectedTime",
    "messagesReceived",
    "reconnectAttempts",
    "oldestDataAgeSeconds",
    "newestDataAgeSeconds",
    "reasons",
]


def shown(health: Health) -> dict[str, Any]:
    """`health` as the API sends it."""
    value: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(health))
    return value


def test_healthy_answer_has_the_documented_keys() -> None:
    answer = shown(judge(FEED, [0.4] * 600 + [2.84], LIMITS, 0.2))
    assert set(KEYS) <= set(answer)
    assert {key: answer[key] for key in KEYS} == {
        "status": "healthy",
        "websocketConnected": True,
        "symbolCount": 601,
        "staleSymbols": 0,
        "uptimeSeconds": 12.3,
        "lastConnectedTime": 1_764_726_147.97,
        "messagesReceived": 1_944,
        "reconnectAttempts": 3,
        "oldestDataAgeSeconds": 2.84,
        "newestDataAgeSeconds": 0.4,
        "reasons": [],
    }


def test_a_few_dead_symbols_are_counted_and_not_fatal() -> None:
    health = judge(FEED, [1.0] * 500 + [90_000.0] * 50, LIMITS, 0.2)
    assert health.healthy
    assert (health.symbol_count, health.stale_symbols) == (550, 50)
    assert health.oldest_data_age_seconds == 90_000.0


def test_answer_without_a_database() -> None:
    health = judge(None, [], LIMITS, None)
    assert not health.healthy
    assert shown(health)["status"] == "unhealthy"
    assert not health.websocket_connected
    assert health.newest_data_age_seconds is None
    assert "no quotes are stored yet" in health.reasons[0]


@pytest.mark.parametrize(
    ("feed", "ages", "heartbeat", "words"),
    [
        (FEED, [1.0] * 499, 0.2, "499 fresh symbols, at least 500 are expected"),
        (FEED, [1.0] * 499 + [180.1] * 99, 0.2, "499 fresh symbols"),
        (FEED, [181.0] * 600, 0.2, "the newest quote is 181 s old, the limit is 180 s"),
        (FEED, [1.0] * 600, 10.1, "ingest has not written for 10 s"),
        (replace(FEED, connected=0), [1.0] * 600, 0.2, "not connected to fstream"),
        (replace(FEED, connected=0), [37.2] * 600, 0.2, "no quote for 37 s"),
        (replace(FEED, connected=0), [float("inf")] * 600, 0.2, "fstream.binance.com: no attempt"),
        (replace(FEED, good_since=None), [1.0] * 600, 0.2, "no good frame has come"),
        (replace(FEED, lag_seconds=5.1), [1.0] * 600, 0.2, "is 5 s late"),
        (replace(FEED, connected=0, last_error="refused"), [1.0] * 600, 0.2, "refused"),
    ],
)
def test_reasons_are_given_in_words(
    feed: Feed, ages: list[float], heartbeat: float, words: str
) -> None:
    health = judge(feed, ages, LIMITS, heartbeat)
    assert not health.healthy
    assert health.status == "unhealthy"
    assert words in "; ".join(health.reasons)


def test_handshake_without_a_good_frame_is_not_a_connection() -> None:
    """However often it is repeated: quotes of before may be fresh all along."""
    health = judge(replace(FEED, good_since=None, last_error="stall"), [5.0] * 600, LIMITS, 0.2)
    assert not health.websocket_connected
    assert health.reasons == [
        "no good frame has come on this connection to fstream.binance.com, no quote for 5 s: stall"
    ]


def test_locked_store_has_a_name() -> None:
    health = judge(FEED, [30.0] * 600, LIMITS, 29.6, "process 5 (sqlite3)")
    assert health.reasons == [
        "the database is locked by process 5 (sqlite3): ingest has waited for 30 s"
    ]
    assert judge(FEED, [3.0] * 600, LIMITS, 2.6, "process 5 (sqlite3)").healthy
    first, *_ = judge(FEED, [], LIMITS, inf, "process 5 (sqlite3)").reasons
    assert first.endswith("ingest has waited since this machine started")


@pytest.mark.parametrize(("status", "expected"), [
    (None, True), ("TRADING", True), ("SETTLING", False), ("PENDING", False), ("UNKNOWN", False),
])  # fmt: skip
def test_only_contracts_that_trade_are_looked_at(status: str | None, expected: bool) -> None:
    found = ContractStatus(status) if status else None
    quote = StoredQuote("binance", "X", 1.0, 1.0, 0.0, 1, 1, 1.0, 9_999.0, found)
    assert trades(quote) is expected


@pytest.mark.parametrize(("connected", "heartbeat"), [(1, 10.1), (0, 0.2), (0, 10.1)])
def test_dead_ingest_is_not_connected(connected: int, heartbeat: float) -> None:
    feed = replace(FEED, connected=connected)
    assert not judge(feed, [1.0] * 600, LIMITS, heartbeat).websocket_connected


def test_limits_themselves_are_healthy() -> None:
    assert judge(FEED, [180.0] * 500, LIMITS, 10.0).healthy


def test_heartbeat_age_is_by_the_clock_that_cannot_step() -> None:
    assert heartbeat_age(FEED, 115.3, "this boot") == pytest.approx(3.0)


@pytest.mark.parametrize("uptime", [1.0, 115.3, 1e6])
def test_what_was_written_before_this_boot_makes_nothing_healthy(uptime: float) -> None:
    beat = heartbeat_age(FEED, uptime, "next boot")
    health = judge(FEED, [math.inf] * 600, LIMITS, beat)
    assert not health.healthy
    assert not health.websocket_connected
    assert health.stale_symbols == 600
    words = "; ".join(health.reasons)
    assert "ingest has not written since this machine started" in words
    assert "no quote was received since this machine started" in words
    assert b'"newestDataAgeSeconds":null' in msgspec.json.encode(health)


STANDBY = replace(FEED, standby_since=1_764_725_610.0)
TEXT = "REST stands in for the stream since 2025-12-03T01:33:30Z: 600 quotes are from there"


@pytest.mark.parametrize(
    ("feed", "heartbeat", "first"),
    [
        (replace(STANDBY, connected=0, last_error="refused"), 0.2, "not connected"),
        (STANDBY, 60.0, "ingest has not written for 60 s"),
        (STANDBY, 0.2, "REST stands in"),  # one class of symbols is silent
    ],
)
def test_fresh_quotes_of_rest_are_degraded(feed: Feed, heartbeat: float, first: str) -> None:
    health = judge(feed, [5.0] * 600, LIMITS, heartbeat, filled_in=600)
    assert (health.status, health.healthy, health.serves) == (Status.DEGRADED, False, True)
    assert health.reasons[0].startswith(first)
    assert health.reasons[-1] == TEXT
    assert "error" not in shown(health)


@pytest.mark.parametrize("ages", [[5.0] * 499, [200.0] * 600])
def test_too_little_is_unhealthy_though_rest_stands_in(ages: list[float]) -> None:
    health = judge(STANDBY, ages, LIMITS, 0.2, filled_in=600)
    assert (health.status, health.serves) == (Status.UNHEALTHY, False)
    assert health.reasons[0] == TEXT
    assert shown(health)["error"] == "unhealthy"


@pytest.mark.parametrize(("feed", "filled_in"), [(STANDBY, 0), (FEED, 600)])
def test_rest_stands_in_only_while_it_does(feed: Feed, filled_in: int) -> None:
    assert judge(feed, [5.0] * 600, LIMITS, 0.2, filled_in=filled_in).healthy
    down = replace(feed, connected=0)
    assert not judge(down, [5.0] * 600, LIMITS, 0.2, filled_in=filled_in).serves


@pytest.mark.parametrize(
    ("source", "age", "status", "expected"),
    [
        (Source.REST, 180.0, ContractStatus.TRADING, True),
        (Source.REST, 180.1, ContractStatus.TRADING, False),
        (Source.WEBSOCKET, 1.0, ContractStatus.TRADING, False),
        (Source.REST, 1.0, ContractStatus.SETTLING, False),
    ],
)
def test_which_quotes_are_filled_in(
    source: Source, age: float, status: ContractStatus, expected: bool
) -> None:
    quote = StoredQuote("binance", "A", 1.0, 1.0, None, None, 1, 1.0, age, status, source=source)
    assert is_filled_in(quote, 180.0) is expected


@pytest.mark.parametrize(("ahead", "known"), [(59.0, True), (61.0, False), (1e6, False)])
def test_heartbeat_of_the_future_makes_nothing_healthy(ahead: float, known: bool) -> None:
    age = heartbeat_age(FEED, FEED.heartbeat_uptime - ahead, FEED.boot_id)
    assert (age < math.inf) is known
