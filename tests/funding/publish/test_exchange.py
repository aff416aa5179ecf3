"""What is sent of one exchange, from a real store to a connection that writes it down."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from funding.errors import NatsAway
from funding.model.feed import Feed
from funding.nats import messages
from funding.nats.messages import PublishedQuote
from funding.publish.exchange import ExchangePublisher
from funding.publish.leadership import IDLE, Duty
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from tests.support.clock import ManualClock
from tests.support.store import NOW_MS, contract, feed_of, plainly, quote, received, writing

LEADS = Duty(publish=True, write_bucket=True)
BEGINS = LEADS._replace(began=True)
ACTS = Duty(publish=True)


class Sent:
    """A connection that keeps what is published."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.away = False

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        if self.away:
            raise NatsAway("away")
        self.messages += messages

    def take(self) -> list[PublishedQuote]:
        """The quotes since the last call, by subject."""
        found = [
            messages.decode_quote(body, subject.removeprefix("funding."))
            for subject, body in self.messages
        ]
        self.messages.clear()
        return sorted(found, key=lambda each: each.symbol)

    def symbols(self) -> list[str]:
        """Theirs."""
        return [each.symbol for each in self.take()]


class Offered:
    """Stands where `KeptValues` does."""

    def __init__(self) -> None:
        self.values: dict[str, bytes | None] = {}
        self.left = 0

    def offer(self, exchange: str, values: Mapping[str, bytes | None]) -> None:
        assert exchange == "binance"
        self.values.update(values)

    def leave(self, exchange: str) -> None:
        assert exchange == "binance"
        self.left += 1


class Scene:
    """A store, what is sent of it, and what is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hand = ManualClock()
        self.sent = Sent()
        self.quotes, self.contracts = Offered(), Offered()
        self.reader = Reader(path, "binance", self.hand.clock())
        self.store = DurableConnection(path)
        self.publisher = ExchangePublisher(
            self.reader,
            Contracts(self.store),
            self.sent,
            taker="one",
            clock=self.hand.clock(),
            kept_quotes=self.quotes,
            kept_contracts=self.contracts,
        )

    def write(self, *symbols: str, number: int = 0) -> None:
        """A frame."""
        quotes = (quote(symbol, 1.0 + number, NOW_MS + number) for symbol in symbols)
        with writing(self.path) as writer:
            now = {"wall": self.hand.wall, "uptime": self.hand.uptime}
            writer.write(feed_of(), received(*quotes, **now))


@pytest.fixture
def scene(path: Path) -> Iterator[Scene]:
    """With two quotes in the store."""
    with writing(path):
        pass
    made = Scene(path)
    made.write("A", "B")
    with closing(made.reader), closing(made.store):
        yield made


def test_quotes_are_sent_as_they_change(scene: Scene) -> None:
    scene.hand.advance(2.0)
    assert scene.publisher.turn(BEGINS) == 2
    first, _ = scene.sent.take()
    assert (first.exchange, first.symbol, first.taker) == ("binance", "A", "one")
    assert (first.age_seconds, first.sent_at) == (2.0, scene.hand.wall)
    assert scene.publisher.turn(LEADS) == 0
    scene.write("B", number=1)
    assert scene.publisher.turn(LEADS) == 1
    assert [each.mark_price for each in scene.sent.take()] == [2.0]
    assert set(scene.quotes.values) == {"binance.A", "binance.B"}
    body = scene.quotes.values["binance.B"]
    assert body is not None
    assert messages.decode_quote(body, "binance.B").mark_price == 2.0


def test_who_follows_sends_nothing(scene: Scene) -> None:
    assert scene.publisher.turn(IDLE) == 0
    assert scene.sent.messages == []
    assert scene.quotes.values == {}


def test_who_begins_sends_everything(scene: Scene) -> None:
    scene.publisher.turn(BEGINS)
    scene.sent.take()
    scene.publisher.turn(IDLE)
    assert scene.quotes.left == scene.contracts.left == 1
    scene.publisher.turn(IDLE)
    assert scene.quotes.left == 1
    assert scene.publisher.turn(BEGINS) == 2


def test_who_only_acts_keeps_nothing_until_it_leads(scene: Scene) -> None:
    scene.publisher.turn(ACTS._replace(began=True))
    assert scene.sent.symbols() == ["A", "B"]
    assert scene.quotes.values == {}
    scene.publisher.turn(LEADS)
    assert set(scene.quotes.values) == {"binance.A", "binance.B"}


def test_what_could_not_be_sent_is_sent_later(scene: Scene) -> None:
    scene.sent.away = True
    with pytest.raises(NatsAway):
        scene.publisher.turn(BEGINS)
    scene.sent.away = False
    assert scene.publisher.turn(LEADS) == 2
    assert set(scene.quotes.values) == {"binance.A", "binance.B"}


def test_what_changes_without_a_receipt_is_sent_within_a_second(scene: Scene) -> None:
    scene.publisher.turn(BEGINS)
    scene.sent.take()
    with closing(plainly(scene.path)) as connection:
        connection.execute("UPDATE quote SET z_score = NULL, z_reason = 'why' WHERE symbol = 'A'")
    scene.publisher.turn(LEADS)
    scene.hand.advance(1.0)
    scene.publisher.turn(LEADS)
    assert [each.z_reason for each in scene.sent.take()] == ["why"]


def test_the_key_of_a_dead_symbol_is_deleted(scene: Scene) -> None:
    scene.publisher.turn(BEGINS)
    scene.hand.advance(86_401.0)
    with closing(plainly(scene.path)) as connection:
        connection.execute("DELETE FROM quote WHERE symbol = 'A'")
    scene.publisher.turn(LEADS)
    assert scene.quotes.values["binance.A"] is None
    assert scene.quotes.values["binance.B"] is not None


def test_contracts_are_kept_as_they_change(scene: Scene) -> None:
    contracts = Contracts(scene.store)
    contracts.replace("binance", [contract("A"), contract("xyz:B")])
    scene.publisher.turn(BEGINS)
    assert set(scene.contracts.values) == {"binance.A", "binance.XYZ=3AB"}
    scene.contracts.values.clear()
    contracts.replace("binance", [contract("A")._replace(rate_cap=0.03)])
    scene.publisher.turn(LEADS)
    assert scene.contracts.values == {}
    scene.hand.advance(10.0)
    scene.publisher.turn(LEADS)
    assert scene.contracts.values["binance.XYZ=3AB"] is None
    body = scene.contracts.values["binance.A"]
    assert body is not None
    assert messages.decode_contract(body, "binance.A").rate_cap == 0.03


def test_an_exchange_that_was_not_asked_yet_deletes_no_contract(scene: Scene) -> None:
    contracts = Contracts(scene.store)
    contracts.replace("binance", [contract("A")])
    scene.publisher.turn(BEGINS)
    scene.contracts.values.clear()
    contracts.replace("binance", [])
    scene.hand.advance(10.0)
    scene.publisher.turn(LEADS)
    assert scene.contracts.values == {}


def test_a_heartbeat_has_the_feed_row(scene: Scene) -> None:
    feed = scene.publisher.feed()
    assert isinstance(feed, Feed)
    scene.hand.advance(3.0)
    scene.publisher.heartbeat(feed, 7)
    ((subject, body),) = scene.sent.messages
    assert subject == "funding-feed.binance"
    found = messages.decode_feed(body, "binance")
    assert (found.taker, found.term, found.sent_at) == ("one", 7, scene.hand.wall)
    assert found.feed_at(scene.hand.uptime, 0.0) == feed


def test_the_age_of_the_newest_quote(scene: Scene) -> None:
    scene.hand.advance(4.0)
    assert scene.publisher.quote_age() == 4.0
