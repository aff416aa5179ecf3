"""Recording a stream and playing it again: the same bytes in the same order."""

import gzip
import json
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import websocket

from harness.processes import WAIT_SECONDS, finished, running, until
from harness.sim.recording import RecordingError, read
from scripts.record import SUFFIX, Recorder
from tests.conftest import ROOT

TICK = "0.05"
HEAD = b"recording 1 ws://x\n"
START_NS, SECOND_NS = 1_700_000_000_250_000_000, 1_000_000_000


def recorder(folder: Path, file_bytes: int = 10**6, seconds: float = 3600.0) -> Recorder:
    return Recorder(
        folder, "ws://x", file_bytes=file_bytes, file_seconds=seconds, total_bytes=4 * file_bytes
    )


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def payloads(*paths: Path) -> list[bytes]:
    return [record.payload for path in paths for record in read(path)]


def noise(number: int) -> bytes:
    """Bytes that do not compress, a line end among them."""
    return bytes((number * 7919 + k * k * 31) % 251 for k in range(500)) + b"\n%d" % number


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    given = [b"{}", b"", b"\n\n", b"\xff\x00 12 3\n", "币安人生USDT".encode()]
    writer = recorder(tmp_path)
    for number, payload in enumerate(given):
        writer.add(payload, START_NS + SECOND_NS * number)
    writer.close()
    (path,) = files(tmp_path)
    assert path.name == f"20231114T221320.250000Z{SUFFIX}"
    held = list(read(path))
    assert [record.payload for record in held] == given
    assert held[1].time_ns == START_NS + SECOND_NS


def test_a_new_file_by_size_and_by_age_and_the_oldest_go(tmp_path: Path) -> None:
    writer = recorder(tmp_path, seconds=10)
    for number in range(25):
        writer.add(noise(number), START_NS + SECOND_NS * number)
    writer.close()
    assert [len(payloads(path)) for path in files(tmp_path)] == [10, 10, 5]

    small = tmp_path / "small"
    writer = recorder(small, file_bytes=4_000)
    for number in range(400):
        writer.add(noise(number), START_NS + 3 * SECOND_NS * number)
    writer.close()
    kept = payloads(*files(small))
    assert kept == [noise(number) for number in range(400 - len(kept), 400)]
    assert sum(path.stat().st_size for path in files(small)) <= 4 * 4_000 + 2_000


@pytest.mark.parametrize("cut", [1, 9, 200, 700])
def test_a_cut_file_is_read_up_to_the_cut(tmp_path: Path, cut: int) -> None:
    writer = recorder(tmp_path)
    for number in range(20):
        writer.add(noise(number), START_NS + 3 * SECOND_NS * number)
    writer.close()
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    held = payloads(path)
    assert held == [noise(number) for number in range(len(held))]
    assert len(held) >= 17


def test_a_killed_writer_loses_seconds_not_the_file(tmp_path: Path) -> None:
    writer = recorder(tmp_path)
    for number in range(20):
        writer.add(noise(number), START_NS + SECOND_NS * number)
    (path,) = files(tmp_path)
    assert len(payloads(path)) >= 18
    writer.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"something else\n"), gzip.compress(HEAD + b"x 3\nabc\n"),
     gzip.compress(HEAD + b"1 99999999999\n"), gzip.compress(HEAD + b"-1 3\nabc\n")],
    ids=["empty", "no gzip", "another text", "odd length", "too long", "negative"],
)  # fmt: skip
def test_a_file_that_is_not_a_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(content)
    if content:
        with pytest.raises(RecordingError):
            list(read(path))
        ended = finished([sys.executable, "-m", "harness.sim", "--port", "0", "--replay", path])
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
        assert str(path) in ended.stderr
    else:
        with pytest.raises(RecordingError, match="not a recording"):
            list(read(path))


def test_the_few_lines_of_the_documentation_read_it(tmp_path: Path) -> None:
    writer = recorder(tmp_path)
    writer.add(noise(1), START_NS)
    writer.close()
    documented = (
        (ROOT / "harness/sim/recording.py").read_text("utf-8").partition("whole is:\n\n")[2]
    )
    lines = documented.partition("\n\n")[0]
    code = "\n".join(line.removeprefix("    ") for line in lines.splitlines())
    found: dict[str, object] = {"gzip": gzip, "path": files(tmp_path)[0]}
    exec(code, found)
    assert found["message"] == noise(1)


@contextmanager
def exchange(folder: Path, *options: str | Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`python -m harness.sim` on a free port: the process and its address."""
    port_file = folder / f"port-{len(list(folder.iterdir()))}"
    command: list[str | Path] = [sys.executable, "-m", "harness.sim", "--port", "0"]
    command += ["--port-file", port_file, *options]
    with running(command, folder / "sim.log") as process:
        until(port_file.exists, "the port")
        yield process, f"127.0.0.1:{port_file.read_text('ascii').strip()}"


def stream(address: str) -> str:
    return f"ws://{address}/market/stream?streams=!markPrice@arr@1s"


def state(address: str) -> dict[str, int]:
    with urllib.request.urlopen(f"http://{address}/sim/state", timeout=WAIT_SECONDS) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def replayed(folder: Path, speed: str, *paths: Path) -> list[bytes]:
    """What one client of a replay receives until it is closed."""
    received = []
    with exchange(folder, "--speed", speed, "--replay", *paths) as (process, address):
        connection = websocket.create_connection(stream(address), timeout=WAIT_SECONDS)
        while True:
            opcode, data = connection.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                assert int.from_bytes(data[:2], "big") == 1001
                break
            received.append(bytes(data))
        connection.shutdown()  # type: ignore[no-untyped-call]
        assert process.wait(WAIT_SECONDS) == 0
    return received


def test_a_recorded_stream_is_replayed_byte_for_byte_and_costs_ingest_nothing(
    tmp_path: Path,
) -> None:
    folder, database = tmp_path / "recordings", tmp_path / "x.db"
    with exchange(tmp_path, "--tick", TICK, "--main", "60", "--tradfi", "20") as (_, address):
        settings = {"FUNDING_WS_URL": stream(address), "FUNDING_DB": database}
        record: list[str | Path] = [sys.executable, ROOT / "scripts/record.py"]
        record += ["--folder", folder]
        options = ["--file-seconds", "0.6"]
        with running([sys.executable, ROOT / "ingest.py"], tmp_path / "i.log", settings=settings):
            with running([*record, *options], tmp_path / "r.log", settings=settings) as process:
                until(lambda: len(files(folder)) >= 3, "three files")
                process.send_signal(signal.SIGTERM)
                assert process.wait(WAIT_SECONDS) == 0
            seen = state(address)
            with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as reader:
                query = "SELECT repeated, malformed, rejected, reconnects FROM feed"
                assert reader.execute(query).fetchone() == (0, 0, 0, 0)
    assert seen["frames_skipped"] == 0
    recorded = payloads(*files(folder))
    times = [record.time_ns for path in files(folder) for record in read(path)]
    assert times == sorted(times)
    events = [json.loads(payload)["data"][0]["E"] for payload in recorded]
    main = events[0::2] if events[0] % 50 == 0 else events[1::2]
    left_out = [(late - early) // 50 - 1 for early, late in pairwise(main)]
    assert min(left_out) == 0, "the same frame twice"
    assert sum(left_out) <= seen["ticks_left_out"], "a frame that was sent is not recorded"
    for speed in ("3", "1000"):
        assert replayed(tmp_path, speed, *files(folder)) == recorded


def test_a_replay_sends_what_is_not_text_as_binary(tmp_path: Path) -> None:
    writer = recorder(tmp_path / "r")
    for number in range(200):
        writer.add(noise(number), START_NS + SECOND_NS // 1000 * number)
    writer.close()
    assert replayed(tmp_path, "1000", *files(tmp_path / "r")) == [noise(n) for n in range(200)]


def test_arguments_that_contradict_are_refused() -> None:
    ended = finished([sys.executable, ROOT / "scripts/record.py", "--total-megabytes", "64"])
    assert ended.returncode == 2
    assert "at least twice" in ended.stderr
