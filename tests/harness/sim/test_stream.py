"""The stream of the stand-in."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest
import websocket

from harness.processes import until
from harness.sim.contracts import default_contracts
from harness.sim.world import World
from tests.harness.sim.exchange import (
    DEADLINE,
    KEYS,
    TICK_MS,
    Exchange,
    by_symbol,
    closing,
    cut,
    frame,
    is_silent,
    main_frame,
    undisturbed,
)


def test_envelope_carries_two_frames_a_tick(exchange: Exchange) -> None:
    def six_messages() -> list[Any]:
        connection = exchange.connect()
        return [json.loads(connection.recv()) for _ in range(6)]

    messages = undisturbed(exchange, six_messages)
    assert {message["stream"] for message in messages} == {"!markPrice@arr@1s"}
    frames = [message["data"] for message in messages]
    mains = [rows for rows in frames if rows[0]["s"] == "BTCUSDT"]
    tradfis = [rows for rows in frames if rows[0]["s"] == "XAUUSDT"]
    assert {len(rows) for rows in mains} == {745}
    assert {len(rows) for rows in tradfis} == {217}
    assert len(mains) == len(tradfis) == 3
    for rows in frames:
        assert len({row["E"] for row in rows}) == 1
    for one_class, phase in ((mains, 0), (tradfis, round(0.684 * TICK_MS))):
        times = [rows[0]["E"] for rows in one_class]
        assert times == [times[0], times[0] + TICK_MS, times[0] + 2 * TICK_MS]
        assert times[0] % TICK_MS == phase
    assert abs(mains[0][0]["E"] / 1000 - time.time()) < DEADLINE


def test_bare_form_and_utf8_names(exchange: Exchange) -> None:
    everything = exchange.connect("/market/ws/!markPrice@arr@1s")
    rows = json.loads(everything.recv())
    assert isinstance(rows, list)
    assert list(rows[0]) == KEYS
    one = exchange.connect("/market/ws/币安人生usdt@markPrice@1s/xauusdt@markPrice@1s")
    assert {json.loads(one.recv())["s"] for _ in range(2)} == {"币安人生USDT", "XAUUSDT"}


def test_rows_can_be_recomputed(exchange: Exchange) -> None:
    raw = exchange.connect("/market/ws/btcusdt@markPrice@1s").recv()
    row = json.loads(raw)
    status, again, _ = exchange.call(f"/sim/row?symbol=BTCUSDT&event_time={row['E']}")
    assert (status, again) == (200, row)
    world = World(default_contracts(seed=1, main=745, tradfi=217), seed=1)
    assert world.mark_row("BTCUSDT", row["E"]) == raw
    assert exchange.call("/sim/row?symbol=NONE&event_time=1")[0] == 404
    assert exchange.call("/sim/row?symbol=BTCUSDT&event_time=x")[0] == 400


def test_three_second_stream_sends_every_third_tick(exchange: Exchange) -> None:
    def two_event_times() -> list[int]:
        connection = exchange.connect("/market/ws/btcusdt@markPrice")
        return [json.loads(connection.recv())["E"] for _ in range(2)]

    first, second = undisturbed(exchange, two_event_times)
    assert second - first == 3 * TICK_MS


def subscribe(connection: websocket.WebSocket, method: str, number: int, *names: str) -> Any:
    """The answer to a request, data in between left out."""
    request = {"method": method, "id": number} | ({"params": names} if names else {})
    connection.send(json.dumps(request, ensure_ascii=False))
    while True:
        answer = json.loads(connection.recv())
        if isinstance(answer, dict) and answer.get("id") == number:
            return answer


def test_subscribe_list_and_unsubscribe(exchange: Exchange) -> None:
    connection = exchange.connect("/market/ws")
    name = "btcusdt@markPrice@1s"
    assert subscribe(connection, "SUBSCRIBE", 1, name) == {"result": None, "id": 1}
    assert json.loads(connection.recv())["s"] == "BTCUSDT"
    assert subscribe(connection, "LIST_SUBSCRIPTIONS", 2) == {"result": [name], "id": 2}
    assert subscribe(connection, "UNSUBSCRIBE", 3, name) == {"result": None, "id": 3}
    # What was under way when the answer came may still arrive: one message at most.
    assert is_silent(connection) or is_silent(connection)
    connection.send("{")
    assert "error" in json.loads(connection.recv())
    assert "error" in subscribe(connection, "SUBSCRIBED", 4)


def test_unknown_and_uppercase_names_are_acknowledged_and_silent(exchange: Exchange) -> None:
    names = ("nosuchusdt@markPrice@1s", "BTCUSDT@markPrice@1s", "!nonsense")
    connections = [exchange.connect(path) for path in ("/market/ws", "/market/stream")]
    for connection in connections:
        assert subscribe(connection, "SUBSCRIBE", 7, *names) == {"result": None, "id": 7}
    assert is_silent(connections[0])
    assert is_silent(connections[1], ticks=0.2)


def test_retired_addresses_shake_hands_and_stay_silent(exchange: Exchange) -> None:
    paths = (
        "/stream?streams=!markPrice@arr@1s", "/ws/!markPrice@arr@1s", "/ws",
        "/public/stream?streams=!markPrice@arr@1s", "/public/ws/btcusdt@markPrice@1s",
    )  # fmt: skip
    connections = [exchange.connect(path) for path in paths]
    for connection in connections:
        answer = subscribe(connection, "SUBSCRIBE", 1, "!markPrice@arr@1s")
        assert answer == {"result": None, "id": 1}
    # Whatever is sent in two ticks to any of them would be waiting to be read.
    assert is_silent(connections[0])
    assert all(is_silent(one, ticks=0.2) for one in connections[1:])


def test_ticker_stream_carries_changes_not_prices(exchange: Exchange) -> None:
    connection = exchange.connect("/market/stream?streams=!ticker@arr")
    message = json.loads(connection.recv())
    assert message["stream"] == "!ticker@arr"
    row = by_symbol(message["data"])["BTCUSDT"]
    assert row["e"] == "24hrTicker"
    assert abs(float(row["p"])) < 5000 < float(row["c"])
    assert float(row["p"]) == pytest.approx(float(row["c"]) - float(row["o"]), abs=0.02)


def test_too_many_messages_end_in_1008(exchange: Exchange) -> None:
    connection = exchange.connect("/market/ws")
    request = json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1})
    create = websocket.ABNF.create_frame
    frames = [create(request, websocket.ABNF.OPCODE_TEXT).format() for _ in range(12)]
    assert connection.sock is not None
    connection.sock.sendall(b"".join(frames))  # within one second, however busy the machine is
    assert closing(connection) == (1008, "Too many requests")


def test_ten_messages_are_answered(exchange: Exchange) -> None:
    connection = exchange.connect("/market/ws")
    for number in range(10):
        connection.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
    assert [json.loads(connection.recv())["id"] for _ in range(10)] == list(range(10))


def test_the_1025th_stream_loses_the_connection(exchange: Exchange) -> None:
    connection = exchange.connect("/market/ws")
    names = [f"none{number}@markPrice" for number in range(1024)]
    assert subscribe(connection, "SUBSCRIBE", 1, *names) == {"result": None, "id": 1}
    answer = subscribe(connection, "SUBSCRIBE", 2, "one@markPrice")
    assert answer["error"] == {"code": 4, "msg": "Too many subscriptions"}
    assert closing(connection) == (1008, "Invalid request")


def test_client_pings_are_answered(exchange: Exchange) -> None:
    connection = exchange.connect("/market/ws")
    connection.ping(b"alive?")
    opcode, data = connection.recv_data(control_frame=True)
    assert (opcode, data) == (websocket.ABNF.OPCODE_PONG, b"alive?")


def test_state_counts(exchange: Exchange) -> None:
    before = exchange.state()
    connection = exchange.connect()
    frame(connection), frame(connection)
    until(lambda: exchange.state()["frames_sent"] >= before["frames_sent"] + 2, "frames counted")
    now = exchange.state()
    assert now["connections"] == before["connections"] + 1
    assert now["attempts"] == before["attempts"] + 1
    assert now["symbols"] == 962
    assert now["last_event_time"] > before["last_event_time"]
    connection.close()
    until(lambda: exchange.state()["clients"] == 0, "client forgotten")


def test_many_connections_come_and_go(exchange: Exchange) -> None:
    for _ in range(40):
        cut(exchange.connect())
    until(lambda: exchange.state()["clients"] == 0, "all forgotten")
    assert len(main_frame(exchange.connect())) == 745


def test_a_client_that_does_not_read_misses_frames(exchange: Exchange) -> None:
    before = exchange.state()["frames_skipped"]
    idle = exchange.connect("/market/ws/!markPrice@arr@1s")
    assert idle.sock is not None
    idle.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    exchange.faults(oversize=True, garbage=True, ticker_poison=True)
    lively = exchange.connect()
    until(lambda: exchange.state()["frames_skipped"] > before, "frames skipped")
    assert len(lively.recv()) > 30_000
    exchange.clear()
    assert len(main_frame(exchange.connect())) == 745
