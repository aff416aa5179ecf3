"""The load against scripted answers."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from harness.bench.load import Load
from harness.processes import listening, port_of

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: "1"\r\n\r\n{}'
UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def answering(*parts: Sequence[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """A server for one connection that sends the parts of one answer after each request; its
    port, and the requests."""
    requests: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):  # the load ends the connection when it has enough
            for answer in parts:
                requests.append(connection.recv(4096))
                for part in answer:
                    connection.sendall(part)
            while connection.recv(4096):
                connection.sendall(parts[-1][0])

    with listening() as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port_of(listener), requests
    thread.join(10)


def test_an_answer_may_come_in_parts() -> None:
    with answering([OK[:9], OK[9:30], OK[30:]], [OK]) as (port, _):
        load = Load(port, ["/"], fresh=False, etag=False)
        load.run(1, 0.0)
    assert (len(load.times), load.errors) == (1, 0)


def test_only_unchanged_answers_are_timed_with_a_tag() -> None:
    with answering([OK], [UNCHANGED]) as (port, requests):
        load = Load(port, ["/"], fresh=False, etag=True)
        load.run(1, 0.0)
    assert (len(load.times), load.errors) == (1, 0)
    assert b'If-None-Match: "1"' in requests[1]
    assert b"If-None-Match" not in requests[0]


def test_a_whole_answer_is_not_timed_where_unchanged_ones_are() -> None:
    with answering([OK], [BUSY]) as (port, _):
        load = Load(port, ["/"], fresh=False, etag=True)
        load.run(1, 0.0)
    assert (load.times, load.errors) == ([], 1)


def test_another_status_is_an_error() -> None:
    with answering([BUSY]) as (port, _):
        load = Load(port, ["/"], fresh=False, etag=False)
        load.run(1, 0.0)
    assert (load.times, load.errors) == ([], 1)
