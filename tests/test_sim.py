"""The stand-in exchange, spoken to over real sockets; and its world, which is pure."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import websocket

from sim import poison
from sim.__main__ import main
from sim.contracts import default_contracts
from sim.faults import BY_NAME, FaultError, FaultState
from sim.limits import Budget
from sim.subscription import Subscription, parse
from sim.ticks import Clock, TickSource
from sim.world import World
from sim.world_file import WorldError, load_contracts

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("FUNDING_SHARED_DATA", ROOT.parent / "shared" / "data"))
DEADLINE = 5.0
TICK_MS = 60
ALL = "/market/stream?streams=!markPrice@arr@1s"
KEYS = ["e", "E", "s", "p", "ap", "P", "i", "r", "T", "st"]
Row = dict[str, Any]


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}


def started(*options: str, cwd: Path = ROOT) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sim", "--port", "0", *options]
    return subprocess.Popen(
        command, cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"stand-in exchange on http://127\.0\.0\.1:(\d+)\n", line)
    assert match, line
    return int(match[1])


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Terminates it when it still runs: (exit code, stdout, stderr)."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=DEADLINE)
    return process.returncode, out, errors


def cut(connection: websocket.WebSocket) -> None:
    """Closes the socket without a closing handshake."""
    connection.shutdown()  # type: ignore[no-untyped-call]


def raw_frame(connection: websocket.WebSocket) -> Any:
    """The next frame, unchecked."""
    return connection.recv_frame()  # type: ignore[no-untyped-call]


class Exchange:
    """A running stand-in: requests to it and connections with it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._open: list[websocket.WebSocket] = []

    def call(self, path: str, method: str = "GET", body: object = None) -> tuple[int, Any, Any]:
        """(status, decoded body or bytes, headers)."""
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{quote(path, safe='/?&=%')}"
        request = urllib.request.Request(url, data=data, method=method)
        try:
            with self._opener.open(request, timeout=DEADLINE) as reply:
                status, raw, headers = reply.status, reply.read(), reply.headers
        except urllib.error.HTTPError as error:
            with error:
                status, raw, headers = error.code, error.read(), error.headers
        try:
            return status, json.loads(raw), headers
        except ValueError:
            return status, raw, headers

    def get(self, path: str) -> Any:
        status, body, _ = self.call(path)
        assert status == 200, (path, status, body)
        return body

    def rest(self, path: str) -> Any:
        return self.get(f"/fapi/v1/{path}")

    def state(self) -> Any:
        return self.get("/sim/state")

    def faults(self, **faults: object) -> Any:
        status, body, _ = self.call("/sim/faults", "POST", faults)
        assert status == 200, body
        return body

    def clear(self, name: str = "") -> None:
        assert self.call(f"/sim/faults/{name}" if name else "/sim/faults", "DELETE")[0] == 200

    def connect(self, path: str = ALL, timeout: float = DEADLINE) -> websocket.WebSocket:
        url = f"ws://127.0.0.1:{self.port}{quote(path, safe='/?&=!@')}"
        made = websocket.create_connection(url, timeout=timeout, skip_utf8_validation=True)
        self._open.append(made)
        return made

    def close(self) -> None:
        for one in self._open:
            cut(one)
        self._open.clear()


@contextmanager
def exchange_of(*options: str) -> Iterator[Exchange]:
    """An exchange of its own; it must end cleanly and have had nothing to complain about."""
    process = started(*options)
    made = Exchange(port_of(process))
    try:
        yield made
    finally:
        made.close()
        code, _, errors = ended(process)
    assert (code, errors) == (0, "")


@pytest.fixture(scope="session")
def running() -> Iterator[Exchange]:
    with exchange_of("--tick", str(TICK_MS / 1000)) as made:
        yield made


@pytest.fixture
def exchange(running: Exchange) -> Iterator[Exchange]:
    running.clear()
    yield running
    running.close()
    running.clear()


def until(condition: Callable[[], object], what: str) -> None:
    """Asks again until it is so; each asking is a request, so that this is no idle wait."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE} s: {what}"


def frame(connection: websocket.WebSocket) -> list[Row]:
    data = json.loads(connection.recv())["data"]
    assert isinstance(data, list)
    return data


def main_frame(connection: websocket.WebSocket) -> list[Row]:
    """The next frame of the main class."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        rows = frame(connection)
        if any(one.get("s") == "ETHUSDT" for one in rows if isinstance(one, dict)):
            return rows
    raise AssertionError("no main frame")


def by_symbol(rows: list[Row]) -> dict[str, Row]:
    return {row["s"]: row for row in rows}


def is_silent(connection: websocket.WebSocket, ticks: float = 3.0) -> bool:
    """Whether nothing arrives for so many ticks."""
    connection.settimeout(ticks * TICK_MS / 1000)
    try:
        raw_frame(connection)
    except websocket.WebSocketTimeoutException:
        return True
    finally:
        connection.settimeout(DEADLINE)
    return False


def closing(connection: websocket.WebSocket) -> tuple[int, str]:
    """Reads on to the close frame: (code, reason)."""
    while True:
        opcode, data = connection.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big"), data[2:].decode()


def lost(connection: websocket.WebSocket) -> type[BaseException]:
    """Reads on until the connection breaks without a close frame; how it broke."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            opcode, _ = connection.recv_data()
        except (OSError, websocket.WebSocketConnectionClosedException) as error:
            return type(error)
        assert opcode != websocket.ABNF.OPCODE_CLOSE
    raise AssertionError("still connected")


# The world


def test_world_is_a_function_of_seed_symbol_and_time() -> None:
    first, second, other = (
        World(default_contracts(seed=seed, main=745, tradfi=217), seed=seed) for seed in (1, 1, 2)
    )
    at = 1_790_000_000_000
    assert list(first.motions) == list(second.motions)
    assert all(first.mark_row(one, at) == second.mark_row(one, at) for one in first.motions)
    assert first.mark_row("BTCUSDT", at) != first.mark_row("BTCUSDT", at + 1000)
    assert first.mark_row("BTCUSDT", at) != other.mark_row("BTCUSDT", at)


def test_default_world_has_the_measured_shape() -> None:
    world = World(default_contracts(seed=1, main=745, tradfi=217), seed=1)
    rows = [json.loads(one.row(1_790_000_000_000)) for one in world.of_class("main")]
    tradfi = [json.loads(one.row(1_790_000_000_684)) for one in world.of_class("tradfi")]
    assert (len(rows), len(tradfi)) == (745, 217)
    assert all(list(row) == KEYS for row in rows + tradfi)
    assert sum(row["st"] == 2 for row in rows) == 30
    assert sum(row["T"] == 0 and row["st"] == 1 for row in rows) == 51
    assert {row["r"] for row in rows if row["T"] == 0} == {"0.00000000", ""}
    assert all(row["T"] == 0 and row["st"] == 2 for row in rows if row["r"] == "")
    found = by_symbol(rows + tradfi)
    assert len(found) == 962
    assert {"币安人生USDT", "龙虾USDT", "牛来USDT", "我踏马来了USDT"} <= found.keys()
    assert {"BTCUSDT_261225", "BTCUSD_PERP", "BTCUSDC", "XAUUSDT", "TSLAUSDT"} <= found.keys()
    decimal = re.compile(r"-?\d+\.\d{8}")
    for row in found.values():
        assert all(decimal.fullmatch(row[key]) for key in ("p", "ap", "P", "i"))
        assert row["ap"] == row["p"]
    assert {one.contract.interval_hours for one in world.motions.values()} == {0, 1, 4, 8}


def test_prices_stay_near_their_base_and_rates_move_slowly() -> None:
    world = World(default_contracts(seed=3, main=100, tradfi=20), seed=3)
    for motion in world.motions.values():
        before = motion.figures(1_790_000_000_000)
        for second in range(1, 400, 7):
            now = motion.figures(1_790_000_000_000 + second * 1000)
            assert abs(now.mark_price / motion.contract.mark_base - 1) < 0.005
            assert abs(now.funding_rate - before.funding_rate) < 2.5e-7
            assert now.next_funding_time >= before.next_funding_time
            before = now


@pytest.mark.parametrize(
    ("rows", "tradfi"), [(0, 0), (1, 0), (3, 2), (50, 1), (1000, 300), (20000, 0)]
)
def test_world_has_as_many_rows_as_asked(rows: int, tradfi: int) -> None:
    world = World(default_contracts(seed=1, main=rows, tradfi=tradfi), seed=1)
    assert (len(world.of_class("main")), len(world.of_class("tradfi"))) == (rows, tradfi)
    assert len(world.motions) == rows + tradfi


def test_next_funding_time_is_the_next_boundary_of_the_interval() -> None:
    world = World(default_contracts(seed=1, main=745, tradfi=0), seed=1)
    bitcoin = world.motions["BTCUSDT"]
    boundary = 1_790_006_400_000
    assert bitcoin.period_ms == 8 * 3_600_000
    assert bitcoin.figures(boundary - 1).next_funding_time == boundary
    assert bitcoin.figures(boundary).next_funding_time == boundary + 8 * 3_600_000


def recorded() -> Path:
    path = SHARED / "premiumIndex_all_2025-06-17.json"
    if not path.exists():
        pytest.skip(f"no recorded premiumIndex reply at {path}")
    return path


def test_world_of_a_recorded_reply() -> None:
    path = recorded()
    reply = json.loads(path.read_text(encoding="utf-8"))
    world = World(load_contracts(path, seed=1, tradfi=217), seed=1)
    assert {row["symbol"] for row in reply} <= set(world.motions)
    assert len(world.of_class("tradfi")) == 217
    for row in reply:
        motion = world.motions[row["symbol"]]
        figures = motion.figures(row["time"])
        assert figures.next_funding_time == row["nextFundingTime"]
        assert figures.mark_price == pytest.approx(float(row["markPrice"]), rel=0.005)
        assert figures.funding_rate == pytest.approx(float(row["lastFundingRate"]), abs=2.1e-5)
    hours = {one.contract.interval_hours for one in world.of_class("main")}
    assert hours == {0, 1, 2, 4, 8}


def test_tradfi_rows_of_a_recorded_reply_are_known_by_their_phase(tmp_path: Path) -> None:
    row = {
        "symbol": "XAUUSDT", "markPrice": "4102.86", "indexPrice": "4099.2", "interestRate": "0",
        "lastFundingRate": "0.0002", "nextFundingTime": 1791388800000, "time": 1791382984684,
    }  # fmt: skip
    path = tmp_path / "world.json"
    path.write_text(json.dumps([row, row | {"symbol": "BTCUSDT", "time": 1791382985000}]))
    world = World(load_contracts(path, seed=1, tradfi=0), seed=1)
    assert [one.contract.symbol for one in world.of_class("tradfi")] == ["XAUUSDT"]
    assert world.of_class("main")[0].contract.symbol == "BTCUSDT"


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "[1]", '[{"symbol":"X"}]', '[{"symbol":"","markPrice":"1"}]',
     '[{"symbol":"X","markPrice":"nan","indexPrice":"1","lastFundingRate":"0",'
     '"nextFundingTime":0,"time":1}]'],
)  # fmt: skip
def test_bad_world_files_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "world.json"
    path.write_text(text)
    with pytest.raises(WorldError, match=r"--world .*world\.json"):
        load_contracts(path, seed=1, tradfi=0)


# Small pure parts


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("!markPrice@arr@1s", Subscription("all")),
        ("!markPrice@arr", Subscription("all", every=3)),
        ("!ticker@arr", Subscription("tickers")),
        ("btcusdt@markPrice@1s", Subscription("one", 1, "BTCUSDT")),
        ("币安人生usdt@markPrice", Subscription("one", 3, "币安人生USDT")),
        ("BTCUSDT@markPrice@1s", None), ("btcusdt@markprice", None), ("btcusdt@depth", None),
        ("!markprice@arr", None), ("", None),
    ],
)  # fmt: skip
def test_stream_names(name: str, wanted: Subscription | None) -> None:
    assert parse(name) == wanted


def test_budget_counts_by_clock_minute() -> None:
    budget = Budget(limit=3, minutes=1)
    assert [budget.spend(2, at) for at in (60_000, 119_999, 120_000)] == [True, False, True]
    assert (budget.used(121_000), budget.used(180_000)) == (2, 0)
    assert (budget.seconds_left(120_000), budget.seconds_left(179_500)) == (60, 1)


def test_latest_tick_of_each_class() -> None:
    source = TickSource(Clock(), step_ms=1000)
    assert source.latest_ms("main", 85_600) == 85_000
    assert source.latest_ms("tradfi", 85_600) == 84_684
    assert source.latest_ms("tradfi", 85_684) == 85_684


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nonsense", True), ("freeze", 1), ("freeze", "yes"), ("freeze_symbols", "ETHUSDT"),
        ("freeze_symbols", [1]), ("silence_classes", ["spot"]), ("skew_ms", "1"),
        ("skew_ms", True), ("skew_ms", float("nan")), ("life_seconds", -1), ("drift", [0.1]),
        ("drift", {"X": "1"}), ("rest_status", 200), ("rest_status", True), ("close", {}),
        ("close", {"code": 99}), ("handshake_status", {"status": 429, "retry_after": -1}),
        ("volume_spike", {"X": {"factor": 1}}),
    ],
)  # fmt: skip
def test_wrong_faults_are_refused_whole(name: str, value: object) -> None:
    state = FaultState()
    with pytest.raises(FaultError, match=name):
        state.merge({"silence": True, name: value})
    assert state.active == {}


def test_every_fault_says_what_it_does() -> None:
    assert all(fault.effect for fault in BY_NAME.values())


def test_bad_rows_are_json_and_spare_the_good_ones() -> None:
    world = World(default_contracts(seed=1, main=5, tradfi=0), seed=1)
    good = world.mark_row("BTCUSDT", 1_790_000_000_000)
    before, after = poison.bad_rows([good], 1_790_000_000_000)
    rows = [json.loads(text) for text in before + after]
    assert json.loads(good) not in rows
    assert len(rows) > 60
    assert any(isinstance(row, dict) and "p" not in row for row in rows)
    last = rows[-1]
    assert (last["s"], last["E"]) == ("BTCUSDT", 1_790_000_000_000)
    assert last["p"] != json.loads(good)["p"]


# The stream


def test_envelope_carries_two_frames_a_tick(exchange: Exchange) -> None:
    connection = exchange.connect()
    messages = [json.loads(connection.recv()) for _ in range(6)]
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
    assert abs(mains[0][0]["E"] / 1000 - time.time()) < 3


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
    connection = exchange.connect("/market/ws/btcusdt@markPrice")
    times = [json.loads(connection.recv())["E"] for _ in range(2)]
    assert times[1] - times[0] == 3 * TICK_MS


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
    for number in range(12):
        connection.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
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


# REST


def test_premium_index_agrees_with_the_stream(exchange: Exchange) -> None:
    connection = exchange.connect()
    # No frame is missed from here on, so that the reply's instants are among those read.
    rows = {(row["s"], row["E"]): row for row in frame(connection) + frame(connection)}
    replies = exchange.rest("premiumIndex")
    newest = max(reply["time"] for reply in replies)
    while max(at for _, at in rows) <= newest:
        rows |= {(row["s"], row["E"]): row for row in frame(connection)}
    assert len(replies) == 962 - 30
    assert not any(reply["symbol"].startswith("BTCUSD_") for reply in replies)
    for reply in replies:
        row = rows[reply["symbol"], reply["time"]]
        assert (reply["markPrice"], reply["indexPrice"]) == (row["p"], row["i"])
        assert (reply["lastFundingRate"], reply["nextFundingTime"]) == (row["r"], row["T"])
        assert reply["estimatedSettlePrice"] == row["P"]
    one = exchange.rest("premiumIndex?symbol=币安人生USDT")
    assert list(one) == list(replies[0])
    assert one["symbol"] == "币安人生USDT"


CAPTURES = {
    "premiumIndex": "polyoxide_2026-10-07_premiumIndex.json",
    "fundingInfo": "polyoxide_2026-10-07_fundingInfo.json",
    "fundingRate?symbol=BTCUSDT": "polyoxide_2026-10-07_fundingRate_BTCUSDT.json",
    "openInterest?symbol=BTCUSDT": "polyoxide_2026-10-07_openInterest_BTCUSDT.json",
    "exchangeInfo": "polyoxide_2026-10-07_exchangeInfo_5symbols.json",
    "klines?symbol=BTCUSDT&interval=1m&limit=2": "polyoxide_2026-10-07_klines_1m_BTCUSDT.json",
    "ticker/24hr": "polyoxide_2026-10-07_ticker24hr.json",
}


def shape(value: Any) -> Any:
    """Types all the way down, one element for a list; a number's text is told from other text."""
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if key not in ("updateTime", "filters")}
        return {key: shape(one) for key, one in kept.items()}
    if isinstance(value, list):
        simple = not value or isinstance(value[0], (dict, str))
        return [shape(one) for one in (value[:1] if simple else value)]
    if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return "decimal"
    return type(value).__name__


@pytest.mark.parametrize("path", CAPTURES)
def test_replies_have_the_captured_shape(exchange: Exchange, path: str) -> None:
    captured = SHARED / CAPTURES[path]
    if not captured.exists():
        pytest.skip(f"no capture at {captured}")
    ours, theirs = exchange.rest(path), json.loads(captured.read_text(encoding="utf-8"))
    if path.startswith("klines"):
        assert [shape(one) for one in ours[:1]] == [shape(one) for one in theirs[:1]]
    else:
        assert shape(ours) == shape(theirs)


def test_intervals_agree_everywhere(exchange: Exchange) -> None:
    listed = {row["symbol"]: row["fundingIntervalHours"] for row in exchange.rest("fundingInfo")}
    assert set(listed.values()) == {1, 4, 8}
    assert listed["BTCUSDT"] == 8
    assert "BTCUSD_PERP" in listed
    for row in exchange.rest("premiumIndex"):
        if row["nextFundingTime"]:
            hours = listed.get(row["symbol"], 8)
            assert 0 < row["nextFundingTime"] - row["time"] <= hours * 3_600_000
            assert row["nextFundingTime"] % (hours * 3_600_000) == 0
        else:
            assert row["symbol"] not in listed


def test_exchange_info_lists_every_contract(exchange: Exchange) -> None:
    listed = {row["symbol"]: row for row in exchange.rest("exchangeInfo")["symbols"]}
    assert set(listed) == {row["symbol"] for row in exchange.rest("premiumIndex")}
    assert listed["XAUUSDT"]["contractType"] == "TRADIFI_PERPETUAL"
    assert listed["BTCUSDT_261225"]["contractType"] == "CURRENT_QUARTER"
    assert listed["BTCUSDT_261225"]["deliveryDate"] == 1_798_185_600_000
    assert sum(row["status"] == "SETTLING" for row in listed.values()) == 47
    trading = {symbol for symbol, row in listed.items() if row["status"] == "TRADING"}
    assert {row["symbol"] for row in exchange.rest("ticker/24hr")} == trading


def test_settled_rates_are_those_of_the_boundary(exchange: Exchange) -> None:
    rows = exchange.rest("fundingRate?symbol=BTCUSDT&limit=5")
    times = [row["fundingTime"] for row in rows]
    assert len(rows) == 5
    assert times == sorted(times)
    assert len({row["fundingRate"] for row in rows}) > 1
    for row in rows:
        assert 0 <= row["fundingTime"] % (8 * 3_600_000) < 12
        boundary = row["fundingTime"] // 1000 * 1000
        sent = exchange.get(f"/sim/row?symbol=BTCUSDT&event_time={boundary}")
        assert (row["fundingRate"], row["markPrice"]) == (sent["r"], sent["p"])
    span = f"startTime={times[1]}&endTime={times[3]}"
    assert exchange.rest(f"fundingRate?symbol=BTCUSDT&{span}") == rows[1:4]
    mixed = exchange.rest("fundingRate")
    assert len(mixed) == 200
    assert len({row["symbol"] for row in mixed}) > 50
    assert exchange.rest("fundingRate?symbol=BTCUSDT_261225") == []


def test_candles_add_up_and_can_be_spiked(exchange: Exchange) -> None:
    hours = exchange.rest("klines?symbol=ETHUSDT&interval=1h&limit=3")
    start, end = hours[0][0], hours[0][6]
    span = f"startTime={start}&endTime={end}"
    quarters = exchange.rest(f"klines?symbol=ETHUSDT&interval=15m&{span}")
    assert [row[0] for row in quarters] == [start + part * 900_000 for part in range(4)]
    volume = sum(float(row[7]) for row in quarters)
    assert volume == pytest.approx(float(hours[0][7]), rel=1e-6)
    assert float(hours[0][3]) <= float(hours[0][1]) <= float(hours[0][2])
    exchange.faults(volume_spike={"ETHUSDT": {"hour": start, "factor": 8}})
    spiked = exchange.rest("klines?symbol=ETHUSDT&interval=1h&limit=3")
    assert float(spiked[0][7]) == pytest.approx(8 * float(hours[0][7]), rel=1e-6)
    assert spiked[1][7] == hours[1][7]
    assert len(exchange.rest("klines?symbol=BTCUSD_PERP&interval=1w&limit=2")) == 2
    weeks = exchange.rest("klines?symbol=BTCUSDT&interval=1w&limit=1")
    assert time.gmtime(weeks[0][0] / 1000).tm_wday == 0


def test_open_interest_can_be_set(exchange: Exchange) -> None:
    before = exchange.rest("openInterest?symbol=BTCUSDT")
    assert float(before["openInterest"]) > 0
    exchange.faults(open_interest={"BTCUSDT": 123.4})
    assert exchange.rest("openInterest?symbol=BTCUSDT")["openInterest"] == "123.400"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("premiumIndex?symbol=NOSUCH", -1121), ("premiumIndex?symbol=BTCUSD_PERP", -1121),
        ("premiumIndex?symbol=", -1105), ("openInterest", -1102), ("openInterest?symbol=X", -1121),
        ("klines?interval=1m", -1102), ("klines?symbol=BTCUSDT", -1102),
        ("klines?symbol=BTCUSDT&interval=1s", -1120),
        ("klines?symbol=BTCUSDT&interval=1m&limit=1501", -1130),
        ("klines?symbol=BTCUSDT&interval=1m&limit=0", -1130),
        ("klines?symbol=BTCUSDT&interval=1m&limit=ten", -1100),
        ("fundingRate?symbol=BTCUSDT&limit=1001", -1130), ("fundingRate?startTime=-1", -1100),
        ("ticker/24hr?symbol=NOSUCH", -1121),
    ],
)  # fmt: skip
def test_refusals(exchange: Exchange, path: str, code: int) -> None:
    status, body, _ = exchange.call(f"/fapi/v1/{path}")
    assert status == 400
    assert body["code"] == code
    assert set(body) == {"code", "msg"}


def test_unknown_paths(exchange: Exchange) -> None:
    assert exchange.call("/fapi/v1/nothing")[0] == 404
    assert exchange.call("/nothing")[0] == 404
    assert exchange.rest("ping") == {}
    assert abs(exchange.rest("time")["serverTime"] / 1000 - time.time()) < 3


@pytest.mark.parametrize(
    ("path", "weight"),
    [
        ("premiumIndex?symbol=BTCUSDT", 1), ("premiumIndex", 10), ("premiumIndex?symbol=NONE", 1),
        ("openInterest?symbol=BTCUSDT", 1), ("exchangeInfo", 1), ("time", 1),
        ("klines?symbol=BTCUSDT&interval=1m", 5),
        ("klines?symbol=BTCUSDT&interval=1m&limit=100", 1),
        ("klines?symbol=BTCUSDT&interval=1m&limit=101", 2),
        ("klines?symbol=BTCUSDT&interval=1m&limit=501", 5),
        ("klines?symbol=BTCUSDT&interval=1m&limit=1001", 10),
        ("ticker/24hr", 40), ("ticker/24hr?symbol=BTCUSDT", 1), ("fundingInfo", 0),
        ("fundingRate?symbol=BTCUSDT", 0),
    ],
)  # fmt: skip
def test_weights(exchange: Exchange, path: str, weight: int) -> None:
    for _ in range(2):  # again when a minute ended in between
        before = exchange.state()["used_weight"]
        _, _, headers = exchange.call(f"/fapi/v1/{path}")
        after = exchange.state()["used_weight"]
        if after >= before:
            break
    assert after - before == weight
    assert headers["X-MBX-USED-WEIGHT-1M"] == (str(after) if weight else None)


def test_more_than_the_budget_is_429() -> None:
    # A program of its own, since it uses up the minute; slow time, so that no minute ends.
    slow = ("--speed", "0.001", "--tick", "100")
    with exchange_of("--main", "3", "--tradfi", "0", *slow) as exchange:
        for _ in range(60):
            exchange.rest("ticker/24hr")
        assert exchange.state()["used_weight"] == 2400
        status, body, headers = exchange.call("/fapi/v1/premiumIndex?symbol=BTCUSDT")
        assert (status, body["code"]) == (429, -1003)
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert exchange.call("/fapi/v1/fundingInfo")[0] == 200


# Faults of the stream's content


def test_freeze_repeats_the_same_frame(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(freeze=True)
    main_frame(connection), main_frame(connection)
    first, second = main_frame(connection), main_frame(connection)
    assert first == second
    late = main_frame(exchange.connect())
    assert late == first
    assert exchange.rest("premiumIndex?symbol=BTCUSDT")["time"] > first[0]["E"]
    exchange.clear("freeze")
    until(lambda: main_frame(connection)[0]["E"] > first[0]["E"], "thawed")


def test_freeze_symbols_stops_those_alone(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(freeze_symbols=["ETHUSDT", "XAUUSDT"])
    main_frame(connection), main_frame(connection)
    first, second = by_symbol(main_frame(connection)), by_symbol(main_frame(connection))
    assert first["ETHUSDT"] == second["ETHUSDT"]
    assert second["BTCUSDT"]["E"] == first["BTCUSDT"]["E"] + TICK_MS
    exchange.clear()
    until(
        lambda: by_symbol(main_frame(connection))["ETHUSDT"]["E"] > first["ETHUSDT"]["E"], "thawed"
    )


def test_list_and_delist(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(list=["NEWUSDT"], delist=["ETHUSDT", "TSLAUSDT"])
    new: dict[str, Row] = {}

    def listed() -> bool:
        new.update(by_symbol(frame(connection)))
        return "NEWUSDT" in new

    until(listed, "NEWUSDT in a frame")
    rows = by_symbol(frame(connection)) | by_symbol(frame(connection))
    assert "NEWUSDT" in rows
    assert not {"ETHUSDT", "TSLAUSDT"} & set(rows)
    assert len(rows) == 961
    assert exchange.rest("premiumIndex?symbol=NEWUSDT")["symbol"] == "NEWUSDT"
    sent = rows["NEWUSDT"]
    assert exchange.get(f"/sim/row?symbol=NEWUSDT&event_time={sent['E']}") == sent
    exchange.clear()
    assert exchange.call("/fapi/v1/premiumIndex?symbol=NEWUSDT")[0] == 400


def test_skew_shifts_event_times(exchange: Exchange) -> None:
    exchange.faults(skew_ms=3_600_000)
    row = main_frame(exchange.connect())[0]
    assert abs(row["E"] / 1000 - time.time() - 3600) < 3
    assert exchange.get(f"/sim/row?symbol=BTCUSDT&event_time={row['E']}") == row


def test_poison_stands_beside_good_rows(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(poison=True)
    rows: list[Any] = []

    def poisoned() -> bool:
        rows[:] = frame(connection)
        return len(rows) > 745

    until(poisoned, "a poisoned main frame")
    at = next(row["E"] for row in rows if isinstance(row, dict) and row.get("s") == "ETHUSDT")
    assert exchange.get(f"/sim/row?symbol=BTCUSDT&event_time={at}") in rows
    prices = [row.get("p") for row in rows if isinstance(row, dict)]
    assert all(bad in prices for bad in (None, "NaN", "Infinity", "-91520.10000000", "twelve"))
    symbols = [row.get("s") for row in rows if isinstance(row, dict)]
    assert any(isinstance(one, str) and len(one) > 9_000 for one in symbols)
    assert any(isinstance(one, str) and "\n" in one for one in symbols)
    assert any(not isinstance(row, dict) for row in rows)


def test_ticker_poison_mixes_events(exchange: Exchange) -> None:
    connection = exchange.connect()
    exchange.faults(ticker_poison=True)
    seen: set[tuple[str, str]] = set()

    def mixed() -> bool:
        message = json.loads(connection.recv())
        seen.update((message["stream"], row["e"]) for row in message["data"])
        return {("!markPrice@arr@1s", "24hrTicker"), ("!ticker@arr", "24hrTicker")} <= seen

    until(mixed, "ticker rows in both places")
    assert ("!markPrice@arr@1s", "markPriceUpdate") in seen


def carries_rows(data: bytes) -> bool:
    try:
        return bool(next(row["e"] for row in json.loads(data)["data"]) == "markPriceUpdate")
    except (ValueError, TypeError, LookupError, RecursionError, StopIteration):
        return False


@pytest.mark.parametrize(("fault", "good"), [("garbage", True), ("garbage_only", False)])
def test_garbage(exchange: Exchange, fault: str, good: bool) -> None:
    exchange.faults(**{fault: True})
    connection = exchange.connect()
    frames = [raw_frame(connection) for _ in range(12)]
    carrying = [carries_rows(one.data) for one in frames]
    # One after each good one, or nothing else.
    assert carrying == ([True, False] * 6 if good else [False] * 12)


def test_oversize(exchange: Exchange) -> None:
    exchange.faults(oversize=True)
    connection = exchange.connect()
    until(lambda: len(connection.recv()) > 9 * 1024 * 1024, "a message over 9 MiB")


# Faults of its flow and of connections


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
    assert abs(event["E"] / 1000 - time.time()) < 3


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


# Faults of REST


def test_drift_and_missing_symbols(exchange: Exchange) -> None:
    exchange.faults(
        drift={"BTCUSDT": 0.005}, rate_drift={"BTCUSDT": 0.0001}, rest_missing=["ETHUSDT"]
    )
    reply = exchange.rest("premiumIndex?symbol=BTCUSDT")
    true = exchange.get(f"/sim/row?symbol=BTCUSDT&event_time={reply['time']}")
    assert float(reply["markPrice"]) == pytest.approx(float(true["p"]) * 1.005, abs=2e-8)
    assert float(reply["lastFundingRate"]) == pytest.approx(float(true["r"]) + 0.0001, abs=2e-8)
    assert exchange.call("/fapi/v1/premiumIndex?symbol=ETHUSDT")[0] == 400
    assert "ETHUSDT" not in {row["symbol"] for row in exchange.rest("premiumIndex")}
    assert "ETHUSDT" in by_symbol(main_frame(exchange.connect()))


def test_stale_rest(exchange: Exchange) -> None:
    exchange.faults(rest_stale_seconds=60)
    reply = exchange.rest("premiumIndex?symbol=BTCUSDT")
    assert 59 < time.time() - reply["time"] / 1000 < 63
    true = exchange.get(f"/sim/row?symbol=BTCUSDT&event_time={reply['time']}")
    assert reply["markPrice"] == true["p"]


@pytest.mark.parametrize("status", [403, 418, 429, 451, 500, 503])
def test_rest_statuses(exchange: Exchange, status: int) -> None:
    exchange.faults(rest_status=status, rest_retry_after=9)
    got, body, headers = exchange.call("/fapi/v1/premiumIndex")
    assert (got, headers["Retry-After"]) == (status, "9")
    assert isinstance(body, bytes) == (status == 403)
    exchange.faults(rest_retry_after=None)
    assert exchange.call("/fapi/v1/premiumIndex")[2]["Retry-After"] is None


def test_a_ban_says_until_when(exchange: Exchange) -> None:
    exchange.faults(rest_status=418, rest_ban_seconds=30)
    bodies = [exchange.call("/fapi/v1/time")[1] for _ in range(2)]
    assert bodies[0] == bodies[1]
    until_ms = int(re.findall(r"banned until (\d+)", bodies[0]["msg"])[0])
    assert bodies[0]["code"] == -1003
    assert 25 < until_ms / 1000 - time.time() < 31


def test_rest_calls_are_counted(exchange: Exchange) -> None:
    exchange.faults(rest_status=500)
    before = exchange.state()["rest_calls"].get("openInterest", 0)
    exchange.call("/fapi/v1/openInterest?symbol=BTCUSDT")
    assert exchange.state()["rest_calls"]["openInterest"] == before + 1


def test_rest_hang_garbage_and_drop(exchange: Exchange) -> None:
    exchange.faults(rest_hang=0.3)
    began = time.monotonic()
    exchange.rest("time")
    assert time.monotonic() - began >= 0.3
    exchange.clear()
    exchange.faults(rest_garbage=True)
    replies = [exchange.call("/fapi/v1/premiumIndex?symbol=BTCUSDT") for _ in range(4)]
    assert {status for status, _, _ in replies} == {200}
    assert any(isinstance(body, bytes) for _, body, _ in replies)
    exchange.clear()
    exchange.faults(rest_drop=True)
    with pytest.raises((OSError, urllib.error.URLError)):
        exchange.call("/fapi/v1/time")


# The control endpoint


def test_faults_merge_and_clear(exchange: Exchange) -> None:
    assert exchange.faults(silence=True) == {"silence": True}
    assert exchange.faults(drift={"X": 1}) == {"silence": True, "drift": {"X": 1}}
    assert exchange.faults(silence=False) == {"drift": {"X": 1}}
    assert exchange.get("/sim/faults") == exchange.state()["faults"] == {"drift": {"X": 1}}
    exchange.clear("drift")
    assert exchange.get("/sim/faults") == {}


@pytest.mark.parametrize("body", [{"nonsense": True}, {"freeze": "yes"}, [], "text", None])
def test_bad_control_calls(exchange: Exchange, body: object) -> None:
    status, answer, _ = exchange.call("/sim/faults", "POST", body)
    assert status == 400
    assert set(answer) == {"error"}
    assert exchange.call("/sim/faults/nonsense", "DELETE")[0] == 404


# The program


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--host", "0.0.0.0"], "loopback"), (["--tick", "0"], "--tick"),
        (["--port", "70000"], "--port"), (["--main", "-1"], "--main"),
    ],
)  # fmt: skip
def test_wrong_options(capsys: pytest.CaptureFixture[str], options: list[str], word: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(options)
    assert caught.value.code == 2
    assert word in capsys.readouterr().err.splitlines()[-1]


def test_a_bad_world_file_is_one_line() -> None:
    code, out, errors = ended_by_itself(started("--world", "no/such/file"))
    assert (code, out) == (2, "")
    assert len(errors.splitlines()) == 1
    assert "no/such/file" in errors


def ended_by_itself(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, errors = process.communicate(timeout=DEADLINE)
    return process.returncode, out, errors


def test_help() -> None:
    code, out, _ = ended_by_itself(started("--help"))
    assert code == 0
    assert "--port-file" in out


def test_a_taken_port_is_one_line(exchange: Exchange) -> None:
    code, _, errors = ended_by_itself(started("--port", str(exchange.port)))
    assert code == 2
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_at_once_and_says_goodbye(tmp_path: Path, number: signal.Signals) -> None:
    port_file = tmp_path / "port"
    process = started(
        "--port-file", str(port_file), "--main", "5", "--tradfi", "2", "--ping-interval", "0.1"
    )
    exchange = Exchange(port_of(process))
    assert int(port_file.read_text()) == exchange.port
    exchange.connect("/ws")
    exchange.faults(half_open=True)
    connection = exchange.connect("/ws")
    opcode, data = connection.recv_data(control_frame=True)
    assert opcode == websocket.ABNF.OPCODE_PING
    assert abs(int(data) / 1000 - time.time()) < 3
    process.send_signal(number)
    assert closing(connection) == (1001, "Going away")
    code, _, errors = ended_by_itself(process)
    assert (code, errors) == (0, "")
    exchange.close()


def test_a_client_that_never_pongs_is_dropped() -> None:
    often = ("--ping-interval", "0.1", "--pong-timeout", "0.3")
    with exchange_of("--main", "1", *often) as exchange:
        deaf = exchange.connect("/ws")
        until(lambda: exchange.state()["clients"] == 0, "dropped")
        assert raw_frame(deaf).opcode == websocket.ABNF.OPCODE_PING


def test_a_recorded_world_served() -> None:
    fast = ("--tick", "0.1", "--speed", "10")
    with exchange_of("--world", str(recorded()), *fast) as exchange:
        assert exchange.state()["symbols"] == 521 + 30 + 217
        connection = exchange.connect()
        first, second = main_frame(connection), main_frame(connection)
        assert len(first) == 521 + 30
        assert first[0]["E"] % 1000 == 0
        assert second[0]["E"] - first[0]["E"] == 1000
        assert len(exchange.rest("premiumIndex")) == 521 + 217
