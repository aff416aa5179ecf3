"""Faults of the flow and of connections."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request

import pytest
import websocket

from harness.processes import until
from tests.harness.sim.exchange import DEADLINE, Exchange, closing, frame, is_silent, lost


def test_silence_and_recovery(exchange: Exchange) -> None:
    connection = exchange.connect()
    frame(connection)
    exchange.faults(silence=True)
    until(lambda: is_silent(connection), "silence")
    connection.ping(b"x")
    assert connection.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"x")
    assert is_silent(exchange.connect())
    exchange.clear()
    assert frame(connection)


def test_one_class_silent(exchange: Exchange) -> None:
    exchange.faults(silence_classes=["tradfi"])
    connection = exchange.connect()
    assert {len(frame(connection)) for _ in range(3)} == {745}
    exchange.faults(silence_classes=["main"])
    connection = exchange.connect()
    assert {len(frame(connection)) for _ in range(3)} == {217}


def test_silence_of_open_connections_spares_new_ones(exchange: Exchange) -> None:
    old = exchange.connect()
    frame(old)
    exchange.faults(silence_open=True)
    until(lambda: is_silent(old), "the old one silent")
    new = exchange.connect()
    assert frame(new)
    exchange.faults(freeze=True)  # another fault does not silence the new one
    assert frame(new)
    assert is_silent(old)
    exchange.clear()
    assert frame(old)


def test_half_open_is_neither_read_nor_written(exchange: Exchange) -> None:
    old = exchange.connect()
    frame(old)
    exchange.faults(half_open=True)
    until(lambda: is_silent(old), "nothing more sent")
    old.ping(b"x")
    assert is_silent(old)
    assert frame(exchange.connect())
    exchange.clear()
    assert lost(old)


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 4000])
def test_close_with_a_code(exchange: Exchange, code: int) -> None:
    connections = [exchange.connect(), exchange.connect("/ws")]
    exchange.faults(close={"code": code, "reason": "so it is"})
    assert [closing(one) for one in connections] == [(code, "so it is")] * 2
    assert "close" not in exchange.state()["faults"]
    assert frame(exchange.connect())


def test_close_1006_has_no_close_frame(exchange: Exchange) -> None:
    connection = exchange.connect("/ws")
    exchange.faults(close={"code": 1006})
    assert lost(connection) is websocket.WebSocketConnectionClosedException


def test_abort_resets(exchange: Exchange) -> None:
    connection = exchange.connect("/ws")
    exchange.faults(abort=True)
    assert lost(connection) is ConnectionResetError
    until(lambda: exchange.state()["clients"] == 0, "client forgotten")


@pytest.mark.parametrize("abort", [False, True])
def test_life_is_short(exchange: Exchange, abort: bool) -> None:
    exchange.faults(life_seconds=0.3, life_abort=abort)
    began = time.monotonic()
    connection = exchange.connect("/ws")
    if abort:
        assert lost(connection)
    else:
        assert closing(connection)[0] == 1001
    assert time.monotonic() - began >= 0.3


def test_server_shutdown_is_announced(exchange: Exchange) -> None:
    connection = exchange.connect("/market/stream")
    exchange.faults(server_shutdown=True)
    event = json.loads(connection.recv())["event"]
    assert event["e"] == "serverShutdown"
    assert abs(event["E"] / 1000 - time.time()) < DEADLINE


@pytest.mark.parametrize(
    ("faults", "status", "retry_after"),
    [
        ({"refuse": True}, 503, None), ({"handshake_status": 451}, 451, None),
        ({"handshake_status": {"status": 429, "retry_after": 7}}, 429, "7"),
    ],
)  # fmt: skip
def test_refused_handshakes(
    exchange: Exchange, faults: dict[str, object], status: int, retry_after: str | None
) -> None:
    before = exchange.state()
    exchange.faults(**faults)
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        exchange.connect()
    assert caught.value.status_code == status
    assert (caught.value.resp_headers or {}).get("retry-after") == retry_after
    now = exchange.state()
    assert (now["attempts"], now["connections"]) == (before["attempts"] + 1, before["connections"])
    exchange.clear()
    assert frame(exchange.connect())


def test_handshake_hang(exchange: Exchange) -> None:
    exchange.faults(handshake_hang=True)
    with pytest.raises(websocket.WebSocketTimeoutException):
        exchange.connect(timeout=0.3)
    exchange.clear()
    assert frame(exchange.connect())


def test_dropped_connections(exchange: Exchange) -> None:
    exchange.faults(drop_connections=True)
    with pytest.raises((OSError, websocket.WebSocketException)):
        exchange.connect()
    with pytest.raises((OSError, urllib.error.URLError)):
        exchange.call("/fapi/v1/time")
    assert exchange.state()["faults"] == {"drop_connections": True}
