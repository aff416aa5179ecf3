"""The control endpoint and the program."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
import websocket

from harness.sim.__main__ import main
from tests.harness.sim.exchange import (
    DEADLINE,
    Exchange,
    closing,
    exchange_of,
    main_frame,
    port_of,
    raw_frame,
    recorded_reply,
    started,
    until,
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
    with exchange_of("--world", str(recorded_reply()), *fast) as exchange:
        assert exchange.state()["symbols"] == 521 + 30 + 217
        connection = exchange.connect()
        first, second = main_frame(connection), main_frame(connection)
        assert len(first) == 521 + 30
        assert first[0]["E"] % 1000 == 0
        assert second[0]["E"] - first[0]["E"] == 1000
        assert len(exchange.rest("premiumIndex")) == 521 + 217
