"""api.py as a process: beside a writer, its beginning and its end, its sockets."""

import json
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import apsw
import pytest

from funding.health.facts import Probe
from funding.watchdog import probe
from harness.http_client import Answer, ask, connect, receive, to_the_end
from harness.processes import WAIT_SECONDS, finished, running, until
from tests.conftest import free_port
from tests.support.api_process import (
    SYMBOLS,
    new_writer,
    serving,
    write_frame,
)


@pytest.fixture(autouse=True)
def patient_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than the watchdog waits."""
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", WAIT_SECONDS)


# Beside a writer


def test_no_answer_shows_half_a_frame(tmp_path: Path) -> None:
    database = tmp_path / "funding.db"
    code = (
        "import sys; from tests.support.api_process import write_frames; write_frames(sys.argv[1])"
    )
    command = [sys.executable, "-c", code, str(database)]
    batch = "/funding/batch?symbols=" + ",".join(SYMBOLS[::7])
    with running(command, tmp_path / "writer.log") as writer, serving(database) as (_, port):
        until(lambda: ask(port, "/funding/S000USDT").status == 200, "the first frame")

        def client(number: int) -> set[float]:
            seen = set()
            for turn in range(12):
                answer = ask(port, batch if (number + turn) % 3 == 0 else "/funding")
                assert answer.status == 200, answer.body
                rows = answer.json["data"]
                prices = {row["markPrice"] for row in rows}
                assert len(rows) in (len(SYMBOLS), len(SYMBOLS[::7]))
                assert len(prices) == 1, f"rows of several frames in one answer: {prices}"
                seen |= prices
            return seen

        with ThreadPoolExecutor(16) as pool:
            seen = set().union(*pool.map(client, range(16)))
        assert writer.poll() is None
        assert len(seen) > 10, "the frames did not change meanwhile"


# Beginning and ending


def holds_open(pid: int, path: Path) -> bool:
    """Whether the process has `path` open."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if link.readlink() == path:
                return True
        except FileNotFoundError:  # closed meanwhile
            continue
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_being_answered_is_finished_after_a_signal(tmp_path: Path, number: int) -> None:
    database = tmp_path / "funding.db"
    writer, feed = new_writer(database)
    write_frame(writer, feed, 7, SYMBOLS)
    writer.close()
    with serving(database) as (process, port):
        # Nobody can read while this is held: the request waits in the store.
        holder = apsw.Connection(str(database))
        holder.pragma("locking_mode", "exclusive")
        holder.execute("BEGIN EXCLUSIVE")
        with connect(port) as connection:
            text = f"GET /funding HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"
            connection.sendall(text.encode())
            until(lambda: holds_open(process.pid, database), "the request is in hand")
            process.send_signal(number)
            until(lambda: not pending(process.pid, number), "the signal is delivered")
            assert process.poll() is None
            holder.close()
            answer = receive(connection)
        # On a busy machine the request may have waited for the lock as long as it may.
        found = answer.json.get("total") or answer.json["error"]
        assert (answer.status, found) in ((200, len(SYMBOLS)), (503, "store unavailable"))
        assert process.wait(WAIT_SECONDS) == 0


def pending(pid: int, number: int) -> bool:
    """Whether a signal waits to be delivered to the process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = dict(line.split(":\t", 1) for line in lines if line.startswith(("ShdPnd", "SigPnd")))
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks.values())


def test_a_slow_client_receives_all_of_its_answer_after_a_signal(tmp_path: Path) -> None:
    database = tmp_path / "funding.db"
    writer, feed = new_writer(database)
    write_frame(writer, feed, 7, [f"{number:05}USDT" for number in range(5_000)])
    writer.close()
    with serving(database) as (process, port), socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(WAIT_SECONDS)
        connection.connect(("127.0.0.1", port))
        text = f"GET /funding HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n"
        connection.sendall(text.encode())
        begun = connection.recv(100)  # the answer is on its way, and does not fit in the buffers
        process.send_signal(signal.SIGTERM)
        until(lambda: not pending(process.pid, signal.SIGTERM), "the signal is delivered")
        head, _, body = (begun + to_the_end(connection)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200 ")
        assert json.loads(body)["total"] == 5_000
        assert process.wait(WAIT_SECONDS) == 0


def sockets(pid: int) -> int:
    """How many sockets the process has open."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += str(link.readlink()).startswith("socket:")
    return found


def test_a_request_received_in_part_is_answered_after_a_signal(tmp_path: Path) -> None:
    with serving(tmp_path / "funding.db") as (process, port):
        before = sockets(process.pid)
        with connect(port) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n")
            until(lambda: sockets(process.pid) > before, "the client is taken")
            process.send_signal(signal.SIGTERM)
            until(lambda: not pending(process.pid, signal.SIGTERM), "the signal is delivered")
            connection.sendall(f"Host: 127.0.0.1:{port}\r\n\r\n".encode())
            assert receive(connection).status == 200
        assert process.wait(WAIT_SECONDS) == 0


def test_prepare_checks_the_address_and_exits(tmp_path: Path) -> None:
    command = [sys.executable, "api.py", "--prepare"]
    database = tmp_path / "funding.db"
    port = free_port()
    result = finished(command, FUNDING_API_PORT=port, FUNDING_DB=database)
    address = f"the API will answer at http://127.0.0.1:{port}/funding/BTCUSDT\n"
    assert (result.returncode, result.stdout, result.stderr) == (0, address, "")
    assert list(tmp_path.iterdir()) == []


def test_an_idle_api_exits_at_once_with_0(tmp_path: Path) -> None:
    with serving(tmp_path / "funding.db") as (process, port), connect(port):
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 0


def test_a_process_also_answers_at_its_unix_socket(tmp_path: Path, short_path: Path) -> None:
    """Also where one that was killed left its socket behind."""
    path = short_path / "api_00.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with serving(tmp_path / "funding.db", "--socket", str(path)) as (process, port):
        assert ask(port, "/").status == 200
        for _ in range(3):
            assert probe.unix(path, "127.0.0.1", port) == Probe(True, "status 503")
        assert probe.unix(path, "evil.example", port).answered is False
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 0


@pytest.mark.parametrize("kind", ["file", "link to a file", "folder", "socket of another program"])
def test_what_is_at_the_place_of_the_unix_socket_stays(
    tmp_path: Path, short_path: Path, kind: str
) -> None:
    """Only a socket that nobody listens at may be replaced."""
    path = short_path / "there"
    with socket.socket(socket.AF_UNIX) as other:
        if kind == "folder":
            path.mkdir()
        elif kind == "socket of another program":
            other.bind(str(path))
            other.listen()
        else:
            kept = path if kind == "file" else short_path / "kept"
            kept.write_bytes(b"kept")
            if kind == "link to a file":
                path.symlink_to(kept)
        before = path.lstat()
        port, database = free_port(), tmp_path / "funding.db"
        result = finished(
            [sys.executable, "api.py", "--socket", path],
            FUNDING_API_PORT=port,
            FUNDING_DB=database,
        )
    assert result.returncode == 1
    (line,) = (result.stdout + result.stderr).splitlines()
    assert f"cannot listen on 127.0.0.1:{port} and {path}: " in line
    assert (path.lstat().st_ino, path.lstat().st_size) == (before.st_ino, before.st_size)


def test_a_port_in_use_is_one_line_and_exit_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = finished(
            [sys.executable, "api.py"], FUNDING_API_PORT=port, FUNDING_DB=tmp_path / "funding.db"
        )
    assert result.returncode == 1
    (line,) = (result.stdout + result.stderr).splitlines()
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in line


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost", "8.8.8.8", "::1", "", "127.0.0.1:80"])
def test_only_a_loopback_address_is_accepted(host: str) -> None:
    result = finished([sys.executable, "api.py"], FUNDING_API_HOST=host)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"api: FUNDING_API_HOST={host!r}: expected an IPv4 loopback address")


def test_it_listens_on_one_loopback_address_alone(tmp_path: Path) -> None:
    port = free_port()
    with running(
        [sys.executable, "api.py"],
        tmp_path / "api.log",
        settings={
            "FUNDING_DB": tmp_path / "funding.db",
            "FUNDING_API_PORT": port,
            "FUNDING_API_HOST": "127.0.0.3",
        },
    ):
        until(lambda: "listening" in (tmp_path / "api.log").read_text(), "the API listens")
        with socket.create_connection(("127.0.0.3", port), timeout=WAIT_SECONDS) as connection:
            connection.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.3:{port}\r\n\r\n".encode())
            assert receive(connection).status == 200
        with pytest.raises(ConnectionRefusedError):
            connect(port)


def test_processes_share_the_socket_that_is_their_standard_input(tmp_path: Path) -> None:
    """As supervisord starts them: the setting does not matter, the socket outlives them."""
    database = tmp_path / "funding.db"
    with socket.socket() as shared, ExitStack() as stack:
        shared.bind(("127.0.0.1", 0))
        shared.listen(64)
        port = shared.getsockname()[1]
        processes = [
            stack.enter_context(serving(database, stdin=shared.fileno(), port=unused))[0]
            for unused in (free_port(), free_port())
        ]
        assert all(ask(port, "/").status == 200 for _ in range(20))
        for process in processes:
            process.terminate()
            assert process.wait(WAIT_SECONDS) == 0
            if process is not processes[-1]:
                assert all(ask(port, "/").status == 200 for _ in range(20))
        answers: list[Answer] = []
        waiting = threading.Thread(target=lambda: answers.append(ask(port, "/")))
        waiting.start()
        stack.enter_context(serving(database, stdin=shared.fileno(), port=free_port()))
        waiting.join(WAIT_SECONDS)
        assert [answer.status for answer in answers] == [200]


def test_a_rolling_restart_under_load_loses_no_answer(tmp_path: Path) -> None:
    database = tmp_path / "funding.db"
    ended = threading.Event()
    with socket.socket() as shared, ExitStack() as stack:
        shared.bind(("127.0.0.1", 0))
        shared.listen(512)
        port = shared.getsockname()[1]
        request = f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()

        def client(_number: int) -> int:
            """Answers over connections that are kept until the API closes them."""
            answers = 0
            while not ended.is_set():
                with connect(port) as connection:
                    closes = False
                    while not (closes or ended.is_set()):
                        connection.sendall(request)
                        answer = receive(connection)
                        assert answer.status == 200
                        answers += 1
                        closes = answer.headers.get("connection") == "close"
            return answers

        def start() -> subprocess.Popen[bytes]:
            api = serving(database, stdin=shared.fileno(), port=free_port())
            return stack.enter_context(api)[0]

        processes = [start(), start()]
        with ThreadPoolExecutor(8) as pool:
            clients = [pool.submit(client, number) for number in range(8)]
            try:
                for process in processes:
                    process.terminate()
                    assert process.wait(WAIT_SECONDS) == 0
                    start()
            finally:
                ended.set()
            assert all(each.result() > 20 for each in clients)


def test_few_descriptors_leave_the_last_ones_to_the_service(
    tmp_path: Path, short_path: Path
) -> None:
    """The port is full before they are used up, and the watchdog is answered all the same."""
    port, log, path = free_port(), tmp_path / "log", short_path / "api.sock"
    database = tmp_path / "funding.db"
    command = ["bash", "-c", f'ulimit -n 80; exec "$0" api.py --socket {path}', sys.executable]
    settings = {"FUNDING_DB": database, "FUNDING_API_PORT": port}
    with running(command, log, settings=settings) as process, ExitStack() as stack:
        until(lambda: "listening" in log.read_text(), "the API listens")
        clients = [stack.enter_context(connect(port)) for _ in range(100)]
        until(lambda: "reached the connection limit" in log.read_text(), "the port is full")
        assert probe.unix(path, "127.0.0.1", port) == Probe(True, "status 503")
        for client in clients:
            client.close()
        assert ask(port, "/").status == 200
        assert process.poll() is None
    assert "Too many open files" not in log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("redirect", ["", "<&-", "</dev/zero"], ids=["socket", "closed", "file"])
def test_any_other_standard_input_is_left_alone(tmp_path: Path, redirect: str) -> None:
    port, log = free_port(), tmp_path / "log"
    command = ["bash", "-c", f'exec "$0" api.py {redirect}', sys.executable]
    settings = {"FUNDING_DB": tmp_path / "funding.db", "FUNDING_API_PORT": port}
    ours, theirs = socket.socketpair()
    with ours, theirs, running(command, log, stdin=theirs.fileno(), settings=settings):
        until(lambda: "listening" in log.read_text(), "the API listens")
        assert ask(port, "/").status == 200
