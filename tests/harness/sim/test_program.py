"""The control endpoint and the program."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
import websocket

from harness.processes import finished, module, until
from harness.sim.__main__ import main
from harness.stand_in import stand_in
from tests.harness.sim.exchange import (
    DEADLINE,
    Exchange,
    closing,
    exchange_of,
    main_frame,
    raw_frame,
    recorded_reply,
    undisturbed,
)

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
        (["--host", "0.0.0.0"], "loopback"), (["--host", "8.8.8.8"], "loopback"),
        (["--host", "nowhere"], "loopback"), (["--tick", "0"], "--tick"),
        (["--port", "70000"], "--port"), (["--main", "-1"], "--main"),
    ],
)  # fmt: skip
def test_wrong_options(capsys: pytest.CaptureFixture[str], options: list[str], word: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(options)
    assert caught.value.code == 2
    assert word in capsys.readouterr().err.splitlines()[-1]


def test_a_bad_world_file_is_one_line() -> None:
    done = finished(module("harness.sim", "--port", 0, "--world", "no/such/file"))
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "no/such/file" in done.stderr


def test_help() -> None:
    done = finished(module("harness.sim", "--help"))
    assert done.returncode == 0
    assert "--port-file" in done.stdout


def test_a_taken_port_is_one_line(exchange: Exchange) -> None:
    done = finished(module("harness.sim", "--port", exchange.port))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_at_once_and_says_goodbye(tmp_path: Path, number: signal.Signals) -> None:
    often = ("--ping-interval", "0.1")
    with stand_in(tmp_path, *often, count=("--main", "5", "--tradfi", "2")) as made:
        exchange = Exchange(made.port)
        exchange.connect("/ws")
        exchange.faults(half_open=True)
        connection = exchange.connect("/ws")
        opcode, data = connection.recv_data(control_frame=True)
        assert opcode == websocket.ABNF.OPCODE_PING
        assert abs(int(data) / 1000 - time.time()) < DEADLINE
        made.process.send_signal(number)
        assert closing(connection) == (1001, "Going away")
        assert made.process.wait(DEADLINE) == 0
        assert len((tmp_path / "exchange.log").read_text().splitlines()) == 1
        exchange.close()


def test_a_client_that_never_pongs_is_dropped() -> None:
    often = ("--ping-interval", "0.1", "--pong-timeout", "0.3")
    with exchange_of("--main", "1", *often) as exchange:
        deaf = exchange.connect("/ws")
        until(lambda: exchange.state()["clients"] == 0, "dropped")
        assert raw_frame(deaf).opcode == websocket.ABNF.OPCODE_PING


def test_a_recorded_world_served() -> None:
    fast = ("--tick", "0.1", "--speed", "10")
    with exchange_of("--world", str(recorded_reply()), *fast) as exchange:
        assert exchange.state()["symbols"] == 521 + 30 + 217
        connection = exchange.connect()
        first, second = undisturbed(
            exchange, lambda: (main_frame(connection), main_frame(connection))
        )
        assert len(first) == 521 + 30
        assert first[0]["E"] % 1000 == 0
        assert second[0]["E"] - first[0]["E"] == 1000
        assert len(exchange.rest("premiumIndex")) == 521 + 217
