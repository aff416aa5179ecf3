"""The outcome of each request of a client, against scripted answers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.processes import free_port, listening, port_of
from harness.soak.api_connection import ApiConnection

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\nETag: "1"\r\n\r\n{"a": 1}'
STALE = b'HTTP/1.1 503 Busy\r\nContent-Length: 18\r\n\r\n{"error": "stale"}'
NO_JSON = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers one connection with `answer`, again and again; its port, and the
    requests."""
    requests: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while request := connection.recv(4096):
                requests.append(request)
                if not answer:
                    return
                connection.sendall(answer)

    with listening() as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port_of(listener), requests
    thread.join(10)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(OK, "200"), (STALE, "503 stale"), (NO_JSON, "200 no JSON"), (b"", "lost")],
)
def test_an_answer_has_an_outcome(answer: bytes, outcome: str) -> None:
    with answering(answer) as (port, _):
        reply = ApiConnection(port, keep_alive=False).get("/")
    assert reply.outcome == outcome
    assert reply.began <= reply.ended
    assert reply.asked_at <= reply.received_at


def test_a_port_without_a_listener() -> None:
    assert ApiConnection(free_port(), keep_alive=True).get("/").outcome == "refused"


def test_a_connection_is_kept_alive_and_its_tag_sent_back() -> None:
    with answering(OK) as (port, requests):
        connection = ApiConnection(port, keep_alive=True)
        reply = connection.get("/funding")
        assert (reply.tag, reply.body) == ('"1"', {"a": 1})
        connection.get("/funding", reply.tag)
        connection.close()
    assert b'If-None-Match: "1"' in requests[1]
