"""A connection to any exchange, over real sockets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from funding.errors import ConnectFailed, ConnectionLost, RestBanned, RestRefused, RestUnreachable
from funding.exchanges.exchange import Conversation, Opening, Plan, Reply, Request
from funding.ingest.connection_events import EndingKind
from funding.ingest.exchange_connection import ExchangeConnection
from funding.ingest.topics import Share
from funding.runtime.clock import SYSTEM
from tests.support.fake_exchange import TEXT, FakeExchange, Peer, frame
from tests.support.streams import MadeUpStream


def never(_request: Request) -> Reply:
    raise AssertionError("no REST call is needed")


class Scene:
    """A far end, a stream that connects to it, and what the connection reports as lost."""

    def __init__(self, exchange: FakeExchange) -> None:
        self.exchange = exchange
        self.stream = MadeUpStream(exchange.url, Plan([["A"]]))
        self.lost: list[tuple[str, ...]] = []

    def connection(self, *topics: str, number: int = 0, suspects: str = "") -> ExchangeConnection:
        return ExchangeConnection(
            self.stream,
            number,
            Share(topics, frozenset(suspects)),
            ask=never,
            clock=SYSTEM,
            timeout=20.0,
            lost=self.lost.append,
        )


@pytest.fixture
def scene() -> Iterator[Scene]:
    with FakeExchange() as exchange:
        yield Scene(exchange)


def said(peer: Peer, **message: Any) -> None:
    peer.send(frame(TEXT, json.dumps(message).encode()))


def received(connection: ExchangeConnection) -> bytes:
    while (message := connection.receive()) is None:
        pass
    return message


def test_topics_are_subscribed_to_and_their_class_is_that_of_the_share(scene: Scene) -> None:
    connection = scene.connection("A", "B", number=2)
    connection.open()
    peer = scene.exchange.peer()
    said(peer, quote="A")
    frame = connection.decode(received(connection))
    assert [quote.symbol for quote in frame.quotes] == ["A"]
    assert frame.symbol_class == 32
    said(peer, ack="B")
    assert connection.decode(received(connection)).symbol_class is None
    assert [json.loads(peer.read()[1]) for _ in range(2)] == [{"to": "A"}, {"to": "B"}]
    connection.close()


def test_subscriptions_wait_for_the_welcome(scene: Scene) -> None:
    scene.stream.welcomed = True
    connection = scene.connection("A")
    connection.open()
    peer = scene.exchange.peer()
    said(peer, welcome=True)
    connection.decode(received(connection))
    said(peer, quote="A")
    received(connection)
    assert json.loads(peer.read()[1]) == {"to": "A"}
    connection.close()


def test_connection_that_ends_names_what_was_not_answered(scene: Scene) -> None:
    connection = scene.connection("A", "B")
    connection.open()
    peer = scene.exchange.peer()
    said(peer, quote="A")
    connection.decode(received(connection))
    peer.read()
    said(peer, other=1)
    connection.decode(received(connection))
    peer.read()
    peer.close()
    with pytest.raises(ConnectionLost):
        received(connection)
    assert scene.lost == [("B",)]
    connection.close()


def test_connection_that_was_stopped_blames_nobody(scene: Scene) -> None:
    connection = scene.connection("A")
    connection.open()
    scene.exchange.peer()
    connection.abort()
    with pytest.raises(ConnectionLost):
        received(connection)
    assert scene.lost == []
    connection.close()


def test_stopped_before_it_began_it_does_not_connect(scene: Scene) -> None:
    connection = scene.connection("A")
    connection.abort()
    assert connection.unfinished() == 0
    with pytest.raises(ConnectFailed):
        connection.open()
    connection.close()
    assert scene.exchange.connections == 0


@pytest.mark.parametrize(
    ("error", "kind", "wait"),
    [
        (RestRefused(200, 400_100, "no"), EndingKind.HANDSHAKE, 0.0),
        (RestUnreachable("timed out"), EndingKind.HANDSHAKE, 0.0),
        (RestBanned("429", 17.0), EndingKind.RATE_LIMITED, 17.0),
    ],
)
def test_question_that_fails_is_a_failed_attempt(
    scene: Scene, error: Exception, kind: EndingKind, wait: float
) -> None:
    class Asking(MadeUpStream):
        def open(self, _topics: object) -> Conversation[Opening]:
            reply = yield Request("token", "http://unused/token")
            return Opening(reply.body.decode())

    def ask(_request: Request) -> Reply:
        raise error

    connection = ExchangeConnection(
        Asking(), 0, Share((), frozenset()), ask=ask, clock=SYSTEM, timeout=20.0
    )
    with pytest.raises(ConnectFailed, match="REST: ") as caught:
        connection.open()
    assert (caught.value.kind, caught.value.retry_after_seconds) == (kind, wait)
