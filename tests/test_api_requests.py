"""Requests to api.py as a process: sockets, waitress, and clients that keep to no rules."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote as percent

import pytest

from harness.http_client import Answer, ask, connect, receive, to_the_end
from tests.conftest import ROOT
from tests.support.api_process import SYMBOLS, new_writer, serving, write_frame


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
