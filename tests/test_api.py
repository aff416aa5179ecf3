"""api.py as it runs: a process, waitress, sockets, and clients that keep to no rules."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote as percent

import apsw
import pytest

from funding.health.facts import Probe
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.runtime.clock import SYSTEM
from funding.store.writer import Writer
from funding.watchdog import probe
from harness.http_client import Answer, ask, connect, receive, to_the_end
from harness.processes import finished, running, until
from tests.conftest import ROOT, free_port

SYMBOLS = [f"S{number:03}USDT" for number in range(200)]
EVENT_TIME = 1_764_725_610_000


def new_writer(path: Path) -> tuple[Writer, Feed]:
    """The store as ingest opens it, at this moment."""
    wall, uptime = SYSTEM.wall(), SYSTEM.uptime()
    feed = Feed("binance", "test.invalid", 1, SYSTEM.boot, wall, uptime, wall, uptime)
    feed.connected, feed.connections = 1, 1
    return Writer(path, feed), feed


def write_frame(writer: Writer, feed: Feed, number: int, symbols: list[str]) -> None:
    """Frame `number`: every symbol at that price."""
    feed.frames += 1
    wall, uptime = SYSTEM.wall(), SYSTEM.uptime()
    feed.heartbeat_at, feed.heartbeat_uptime = wall, uptime
    price, event_time = float(number), EVENT_TIME + number
    quotes = [Quote(symbol, price, price, 0.0001, EVENT_TIME, event_time) for symbol in symbols]
    feed.good_since = wall - 60
    writer.write(feed, [(quote, wall, uptime) for quote in quotes])


def write_frames(path: str) -> None:
    """A writer process: frames without pause, until it is killed."""
    writer, feed = new_writer(Path(path))
    number = 1
    while True:
        write_frame(writer, feed, number, SYMBOLS)
        number += 1
        time.sleep(0.001)  # ingest pauses as well; SQLite's write lock is not the subject


@contextmanager
def serving(
    database: Path, *options: str, stdin: int = subprocess.DEVNULL, port: int | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """api.py on `database` and its port, once it answers."""
    port = port or free_port()
    log = database.with_name(f"api-{port}.log")
    settings = {"FUNDING_DB": database, "FUNDING_API_PORT": port, "FUNDING_MIN_SYMBOLS": 100}
    command = [sys.executable, "api.py", *options]
    with running(command, log, stdin=stdin, settings=settings) as process:

        def listens() -> bool:
            assert process.poll() is None, log.read_text()
            return "listening on" in log.read_text()

        until(listens, "the API listens")
        yield process, port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Process and port of an API whose database appears after it has begun to answer."""
    database = tmp_path_factory.mktemp("api") / "funding.db"
    with ExitStack() as stack:
        process, port = stack.enter_context(serving(database))
        before = ask(port, "/funding/S000USDT")
        assert (before.status, before.json["error"]) == (503, "not ready")
        health = ask(port, "/funding/health")
        assert (health.status, health.json["status"]) == (503, "unhealthy")
        writer, feed = new_writer(database)
        stack.callback(writer.close)
        write_frame(writer, feed, 1, [*SYMBOLS, "币安人生USDT"])
        assert ask(port, "/funding/S000USDT").status == 200
        yield process.pid, port
        assert process.poll() is None, "the API died of what the tests sent it"
        assert "Traceback" not in database.with_name(f"api-{port}.log").read_text()


def plain_error(answer: Answer, status: int) -> None:
    """A refusal of any layer: JSON with `error`, and nothing about who refuses."""
    assert answer.status == status, answer
    assert list(answer.json) == ["error"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control")]
    told = (answer.body.decode() + repr(answer.headers)).lower()
    assert not [word for word in ("waitress", "python", "exceeds", str(ROOT)) if word in told]


def test_an_ordinary_request(server: tuple[int, int]) -> None:
    answer = ask(server[1], "/funding/s000usdt")
    assert (answer.status, answer.json["symbol"]) == (200, "S000USDT")
    assert set(answer.headers) == {
        "cache-control",
        "content-length",
        "content-type",
        "date",
        "feed-address",
        "x-content-type-options",
    }


@pytest.mark.parametrize("symbol", ["币安人生USDT", "币安人生usdt"])
def test_a_utf8_symbol(server: tuple[int, int], symbol: str) -> None:
    one = ask(server[1], f"/funding/{percent(symbol)}")
    several = ask(server[1], f"/funding/batch?symbols={percent(symbol)}")
    assert one.json["symbol"] == several.json["data"][0]["symbol"] == "币安人生USDT"


def test_many_requests_over_one_connection(server: tuple[int, int]) -> None:
    request = f"GET /funding/S001USDT HTTP/1.1\r\nHost: localhost:{server[1]}\r\n\r\n".encode()
    missing = request.replace(b"S001USDT", b"NOPE")
    with connect(server[1]) as connection:
        for each, status in ((request, 200), (missing, 404), (request, 200)):
            connection.sendall(each)
            assert receive(connection).status == status


def test_an_etag(server: tuple[int, int]) -> None:
    first = ask(server[1], "/funding")
    assert len(first.json["data"]) == 201
    again = ask(server[1], "/funding", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_a_304_keeps_the_connection(server: tuple[int, int]) -> None:
    tag = ask(server[1], "/funding").headers["etag"]
    request = (
        f"GET /funding HTTP/1.1\r\nHost: 127.0.0.1:{server[1]}\r\nIf-None-Match: {tag}\r\n\r\n"
    )
    with connect(server[1]) as connection:
        for _ in range(3):
            connection.sendall(request.encode())
            answer = receive(connection)
            assert (answer.status, answer.body) == (304, b"")
            assert "connection" not in answer.headers
        connection.sendall(request.replace("Host", "Connection: close\r\nHost").encode())
        assert receive(connection).status == 304
        assert to_the_end(connection) == b""


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/funding",
        "/funding/S000USDT",
        "/funding/batch?symbols=A",
        "/funding/health",
        "/health",
    ],
)
def test_head(server: tuple[int, int], path: str) -> None:
    head = ask(server[1], path, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 10


def test_a_batch_of_2000_symbols_fits_in_a_url(server: tuple[int, int]) -> None:
    names = ["S000USDT"] + [percent(f"币安人生{number}USDT") for number in range(1_999)]
    answer = ask(server[1], f"/funding/batch?symbols={','.join(names)}")
    assert answer.status == 200, answer.body
    assert (answer.json["found"], answer.json["missing"]) == (1, 1_999)


def raw(port: int, request: str | bytes, method: str = "GET") -> Answer:
    """The answer to a request as written; {} in it stands for the own Host."""
    data = request.encode() if isinstance(request, str) else request
    with connect(port) as connection:
        connection.sendall(data.replace(b"{}", f"127.0.0.1:{port}".encode()))
        return receive(connection, method)


HOSTS = {
    "no Host": "GET / HTTP/1.1\r\n\r\n",
    "no Host in 1.0": "GET / HTTP/1.0\r\n\r\n",
    "no version": "GET /\r\n\r\n",
    "empty": "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "foreign": "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "doubled": "GET / HTTP/1.1\r\nHost: {}\r\nHost: {}\r\n\r\n",
    "second foreign": "GET / HTTP/1.1\r\nHost: {}\r\nHost: evil.example\r\n\r\n",
    "first foreign": "GET / HTTP/1.1\r\nHost: evil.example\r\nhost: {}\r\n\r\n",
    "port-less": "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "upper case": "GET / HTTP/1.1\r\nHost: LOCALHOST:8888\r\n\r\n",
    "IPv6": "GET / HTTP/1.1\r\nHost: [::1]:8888\r\n\r\n",
    "in the request line alone": "GET http://{}/ HTTP/1.1\r\n\r\n",
    "foreign beside the request line": "GET http://{}/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "forwarded": "GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: {}\r\n\r\n",
    "Forwarded": "GET / HTTP/1.1\r\nHost: evil.example\r\nForwarded: host={}\r\n\r\n",
    "folded": "GET / HTTP/1.1\r\nHost: {}\r\n evil.example\r\n\r\n",
    "underscore": "GET / HTTP/1.1\r\nHTTP_HOST: {}\r\n\r\n",
}


@pytest.mark.parametrize("request_text", HOSTS.values(), ids=HOSTS.keys())
def test_only_the_own_host_is_answered(server: tuple[int, int], request_text: str) -> None:
    plain_error(raw(server[1], request_text), 403)


def test_the_own_host_in_each_form(server: tuple[int, int]) -> None:
    for host in (f"127.0.0.1:{server[1]}", f"localhost:{server[1]}"):
        for version in ("1.0", "1.1"):
            text = f"GET /funding/S000USDT HTTP/{version}\r\nHost: {host}\r\n\r\n"
            assert raw(server[1], text).status == 200


REFUSED = {
    "POST with a body": (413, "POST /funding HTTP/1.1\r\nHost: {}\r\nContent-Length: 3\r\n\r\na=b"),
    "GET with a body": (413, "GET /funding HTTP/1.1\r\nHost: {}\r\nContent-Length: 1\r\n\r\nx"),
    "a body announced": (413, "GET / HTTP/1.1\r\nHost: {}\r\nContent-Length: 9999999\r\n\r\n"),
    "chunks": (
        413,
        "GET / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ),
    "no chunks": (
        413,
        "GET / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "both lengths": (
        413,
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\nGET /funding HTTP/1.1\r\nHost: {}\r\n\r\n",
    ),
    "two lengths": (
        400,
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\nGET ",
    ),
    "signed length": (400, "GET / HTTP/1.1\r\nHost: {}\r\nContent-Length: +1\r\n\r\nx"),
    "negative length": (400, "GET / HTTP/1.1\r\nHost: {}\r\nContent-Length: -1\r\n\r\n"),
    "a length of 5,000 digits": (
        400,
        "GET / HTTP/1.1\r\nHost: {}\r\nContent-Length: " + "9" * 5_000 + "\r\n\r\n",
    ),
    "other encoding": (501, "GET / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: gzip\r\n\r\n"),
    "encoding in disguise": (
        501,
        "GET / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: \x85chunked\r\n\r\n0\r\n\r\n",
    ),
    "lower-case method": (400, "get / HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "space in the path": (400, "GET /funding/A B HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "not HTTP": (400, "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "TLS": (400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    "bracket": (400, "GET http://[evil/ HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "space before the colon": (400, "GET / HTTP/1.1\r\nHost : {}\r\n\r\n"),
    "no colon": (400, "GET / HTTP/1.1\r\nHost {}\r\n\r\n"),
    "folded first": (400, "GET / HTTP/1.1\r\n Host: {}\r\n\r\n"),
    "bare line feed": (400, "GET / HTTP/1.1\r\nHost: {}\nX: y\r\n\r\n"),
    "bare return": (400, "GET / HTTP/1.1\r\nHost: {}\rX: y\r\n\r\n"),
    "NUL in a header": (400, "GET / HTTP/1.1\r\nHost: {}\r\nX: a\0b\r\n\r\n"),
    "headers without end": (431, "GET / HTTP/1.1\r\nHost: {}\r\nX: " + "y" * 140_000),
    "a path of 140,000": (431, "GET /" + "y" * 140_000 + " HTTP/1.1\r\nHost: {}\r\n\r\n"),
}


@pytest.mark.parametrize(("status", "request_text"), REFUSED.values(), ids=REFUSED.keys())
def test_a_malformed_request_is_refused_once_and_the_connection_ends(
    server: tuple[int, int], status: int, request_text: str
) -> None:
    data = request_text.encode("latin-1").replace(b"{}", f"127.0.0.1:{server[1]}".encode())
    with connect(server[1]) as connection:
        connection.sendall(data)
        plain_error(receive(connection), status)
        assert to_the_end(connection) == b"", "what follows was taken for another request"
    assert ask(server[1], "/funding/S000USDT").status == 200


def test_a_refused_head_request_has_no_body(server: tuple[int, int]) -> None:
    with connect(server[1]) as connection:
        text = f"HEAD / HTTP/1.1\r\nHost: localhost:{server[1]}\r\nContent-Length: 5\r\n\r\n"
        connection.sendall(text.encode())
        head, _, body = to_the_end(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert body == b""


APPLICATION_REFUSED = {
    "unknown method": (405, "BREW /funding HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "POST without a body": (405, "POST /funding HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "POST of length 0": (405, "POST /funding HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n"),
    "CONNECT": (404, "CONNECT evil.example:443 HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "no path": (404, "GET HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "asterisk": (404, "OPTIONS * HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "traversal": (404, "GET /funding/../../etc/passwd HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "broken path": (400, "GET /funding/%FF HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "broken raw path": (400, b"GET /funding/\xff HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "unknown parameter": (400, "GET /funding/S000USDT?format=csv HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "broken query": (400, "GET /funding/batch?symbols=%FF HTTP/1.1\r\nHost: {}\r\n\r\n"),
    "broken raw query": (400, b"GET /funding/batch?symbols=\xff HTTP/1.1\r\nHost: {}\r\n\r\n"),
}


@pytest.mark.parametrize(
    ("status", "request_text"), APPLICATION_REFUSED.values(), ids=APPLICATION_REFUSED.keys()
)
def test_a_request_that_the_application_refuses(
    server: tuple[int, int], status: int, request_text: str | bytes
) -> None:
    plain_error(raw(server[1], request_text), status)


@pytest.mark.parametrize("symbol", ["%00", "%0D%0AX-Evil:%201", "%1B[2J", "%C2%85", "%EF%BB%BF"])
def test_control_characters_stay_in_the_body(server: tuple[int, int], symbol: str) -> None:
    answer = raw(server[1], f"GET /funding/{symbol} HTTP/1.1\r\nHost: {{}}\r\n\r\n")
    assert (answer.status, answer.json["error"]) == (404, "unknown symbol")
    assert "x-evil" not in answer.headers
    assert b"\x1b" not in answer.body
    assert b"\0" not in answer.body


def test_a_url_of_120000_characters_is_answered_briefly(server: tuple[int, int]) -> None:
    answer = ask(server[1], "/funding/" + "A" * 120_000)
    assert answer.status == 404
    assert len(answer.body) < 300


def test_clients_that_leave_early_disturb_nobody(server: tuple[int, int]) -> None:
    for part in (
        b"",
        b"G",
        b"GET /funding HTTP/1.1\r\nHost: x\r\n",
        b"GET /funding HTTP/1.0\r\n\r\n",
    ):
        with connect(server[1]) as connection:
            reset = b"\1\0\0\0\0\0\0\0"
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            connection.sendall(part)
    assert ask(server[1], "/funding/S000USDT").status == 200


def test_fifty_idle_connections_block_nobody(server: tuple[int, int]) -> None:
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(connect(server[1])).sendall(b"GET /funding HTTP/1.1\r\nHost: ")
        assert ask(server[1], "/funding/S000USDT").status == 200


# Beside a writer


def test_no_answer_shows_half_a_frame(tmp_path: Path) -> None:
    database = tmp_path / "funding.db"
    code = "import sys; from tests.test_api import write_frames; write_frames(sys.argv[1])"
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
        assert (answer.status, answer.json["total"]) == (200, len(SYMBOLS))
        assert process.wait(timeout=30) == 0


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
        connection.settimeout(30)
        connection.connect(("127.0.0.1", port))
        text = f"GET /funding HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n"
        connection.sendall(text.encode())
        begun = connection.recv(100)  # the answer is on its way, and does not fit in the buffers
        process.send_signal(signal.SIGTERM)
        until(lambda: not pending(process.pid, signal.SIGTERM), "the signal is delivered")
        head, _, body = (begun + to_the_end(connection)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200 ")
        assert json.loads(body)["total"] == 5_000
        assert process.wait(timeout=30) == 0


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
        assert process.wait(timeout=30) == 0


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
        assert process.wait(timeout=30) == 0


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
        assert process.wait(timeout=30) == 0


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
        with socket.create_connection(("127.0.0.3", port), timeout=30) as connection:
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
            assert process.wait(timeout=30) == 0
            if process is not processes[-1]:
                assert all(ask(port, "/").status == 200 for _ in range(20))
        answers: list[Answer] = []
        waiting = threading.Thread(target=lambda: answers.append(ask(port, "/")))
        waiting.start()
        stack.enter_context(serving(database, stdin=shared.fileno(), port=free_port()))
        waiting.join(30)
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
                    assert process.wait(timeout=30) == 0
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
