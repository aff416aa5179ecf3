"""The stream over real sockets: its readers, their places, and its end."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from funding.api import broadcaster, dispatcher, stream_events
from funding.api.broadcaster import MAX_READERS
from funding.api.host_check import local_only
from funding.api.routes import Api
from funding.api.server import Server
from funding.api.two_apis import TwoApis
from harness.http_client import Answer, ask, connect, receive, to_the_end
from harness.processes import until
from tests.support.api_world import BTC, World, again, plain, refused
from tests.support.http_server import port_of, running_server
from tests.support.stream_reader import StreamReader, stream
from tests.support.wsgi import HOST
from tests.support.wsgi import ask as ask_app

PATH = "/funding/stream"


class Service:
    """The API over `world` at a port."""

    def __init__(self, server: Server, sender: broadcaster.Broadcaster) -> None:
        self.server, self._sender = server, sender
        self.port = port_of(server)

    @property
    def readers(self) -> int:
        return len(self._sender._readers)


@contextmanager
def served(world: World) -> Iterator[Service]:
    shared = world.shared()
    sender = shared.broadcaster
    short, long = (Api(world.served(), world.clock, shared) for _ in range(2))
    app = TwoApis(short, long, shared.process.meters)
    with running_server(local_only(app, "127.0.0.1", 8888), app.takes_long, sender.close) as server:
        yield Service(server, sender)


@pytest.fixture
def service(world: World) -> Iterator[Service]:
    with served(world) as service:
        yield service


def head(port: int, path: str) -> Answer:
    with connect(port) as client:
        client.sendall(f"HEAD {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        return receive(client, "HEAD")


def test_a_quote_that_changes_is_an_event(world: World, service: Service) -> None:
    with stream(service.port, "?symbols=btcusdt") as reader:
        assert reader.status == 200
        assert reader.headers["content-type"] == "text/event-stream"
        assert reader.headers["cache-control"] == "no-store"
        assert reader.headers["feed-address"] == "test.invalid"
        first = reader.next()
        assert [row["symbol"] for row in first.data["data"]] == ["BTCUSDT"]
        world.later(1)
        world.frame(again(BTC, 1, mark_price=7.0))
        second = reader.next()
        assert (second.name, second.id) == ("quotes", None)
        assert second.data["data"][0]["markPrice"] == 7.0


def test_a_reader_goes_on_with_signals_where_it_was(world: World, service: Service) -> None:
    insert = (
        "INSERT INTO signal (at, exchange, symbol, kind, direction, detail)"
        " VALUES (1, 'binance', 'BTCUSDT', 'move', 'up', 'words')"
    )
    world.execute(insert, insert)
    with stream(service.port, "?signals=1", "Last-Event-ID: 1") as reader:
        event = reader.next("signal")
        assert (event.id, event.data["id"], event.data["detail"]) == ("2", 2, "words")
    with stream(service.port, "?signals=1", "Last-Event-ID: nonsense") as reader:
        reader.next("quotes")
        world.execute(insert)
        assert reader.next("signal").id == "3"


def test_one_reader_more_than_there_are_places(world: World, service: Service) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_READERS):
            stack.enter_context(stream(service.port)).next()
        answer = ask(service.port, PATH, host=HOST)
        refused(answer, 503, "at most 8 readers at once: ask /funding with its ETag instead")
        assert answer.headers["retry-after"] == "5"
        assert ask(service.port, "/funding/BTCUSDT", host=HOST).status == 200
        assert ask(service.port, "/funding/spreads", host=HOST).status == 200


def test_a_reader_that_leaves_gives_its_place_back(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcaster, "HEARTBEAT_SECONDS", 0.0)
    with stream(service.port) as reader:
        reader.next()
        assert service.readers == 1
    until(lambda: service.readers == 0, "the place is free")


def test_a_reader_that_does_not_read_is_dropped(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "MAX_UNSENT", 1_000)
    monkeypatch.setattr(stream_events, "heartbeat", lambda at: b": " + b"x" * 500_000)
    monkeypatch.setattr(broadcaster, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(broadcaster, "TURN_SECONDS", 0.01)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.connect(("127.0.0.1", service.port))
        slow.sendall(f"GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        until(lambda: service.readers == 1, "it has a place")
        until(lambda: service.readers == 0, "it has lost it")
        assert ask(service.port, "/funding/BTCUSDT", host=HOST).status == 200
        until(lambda: clients(service) == 0, "its connection is closed")


def clients(service: Service) -> int:
    return sum(isinstance(each, dispatcher.Channel) for each in service.server._map.values())


def test_the_end_of_the_api_ends_the_streams(world: World) -> None:
    with ExitStack() as stack:
        with served(world) as service:
            readers = [stack.enter_context(stream(service.port)) for _ in range(3)]
            for reader in readers:
                reader.next()
        # The server has ended, within its time.
        for reader in readers:
            assert [each.name for each in reader.events() if each.name != "heartbeat"] == []


def test_head_has_the_headers_and_takes_no_place(world: World, service: Service) -> None:
    for _ in range(MAX_READERS + 1):
        answer = head(service.port, PATH)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-type"] == "text/event-stream"
    assert service.readers == 0
    with connect(service.port) as client:
        request = f"HEAD {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        client.sendall(
            request + request.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n")
        )
        assert to_the_end(client).count(b"200 OK") == 2


@pytest.mark.parametrize(
    ("query", "status"),
    [("signals=2", 400), ("exchange=x", 400), ("symbols=A&signals=1&exchange=*", 200)],
)
def test_what_may_be_asked(world: World, query: str, status: int) -> None:
    assert ask_app(world.app(), f"{PATH}?{query}", "HEAD").status == status


def test_no_stream_before_there_is_a_database(bare: World) -> None:
    answer: Any = ask_app(bare.app(), PATH)
    refused(answer, 503, "not ready")
    plain(answer)


def test_a_foreign_page_gets_no_stream(service: Service) -> None:
    with stream(service.port, host="evil.example") as reader:
        assert isinstance(reader, StreamReader)
        assert reader.status == 403
