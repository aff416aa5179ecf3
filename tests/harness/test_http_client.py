"""Requests to a loopback port."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from harness.http_client import Answer, ask, connect, receive, serves, to_the_end
from harness.processes import free_port


class Handler(http.server.BaseHTTPRequestHandler):
    """Echoes a header; /busy is a 503."""

    def do_GET(self) -> None:
        body = self.headers.get("If-None-Match", "{}").encode()
        self.send_response(503 if self.path == "/busy" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_an_answer_with_headers_in_lower_case(port: int) -> None:
    answer = ask(port, "/", If_None_Match='"1"')
    assert (answer.status, answer.body) == (200, b'"1"')
    assert answer.headers["content-length"] == "3"


def test_a_port_serves_with_a_200_alone(port: int) -> None:
    found = serves(port, "/")
    assert found is not None
    assert found.json == {}
    assert serves(port, "/busy") is None
    assert serves(free_port()) is None


def test_a_raw_connection(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert receive(connection).status == 200
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert to_the_end(connection).endswith(b"\r\n\r\n{}")


def test_only_strict_json_is_json() -> None:
    with pytest.raises(AssertionError, match="NaN is not JSON"):
        _ = Answer(200, {}, b"[NaN]").json
