"""What is handed on of what comes: core messages, the buckets, again after a reconnect."""

import logging
from collections.abc import Collection, Iterator

import pytest

from funding.model.contract import Contract, ContractStatus
from funding.nats import intake, subjects
from funding.nats.connection import Connection
from funding.nats.intake import Intake
from funding.nats.messages import PublishedFeed, PublishedQuote
from funding.runtime.clock import SYSTEM
from funding.runtime.logs import ThrottledWarnings
from harness.processes import until
from tests.support.nats_server import NatsServer
from tests.support.publisher import Publisher, publishing

log = logging.getLogger("test")


class Sink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.quotes: list[PublishedQuote] = []
        self.feeds: list[PublishedFeed] = []
        self.readings = 0
        self.contracts: dict[tuple[str, str], Contract | None] = {}
        self.listings: list[set[tuple[str, str]]] = []

    def quote(self, quote: PublishedQuote) -> None:
        self.quotes.append(quote)

    def feed(self, feed: PublishedFeed) -> None:
        self.feeds.append(feed)

    def whole(self) -> None:
        self.readings += 1

    def contract(self, exchange: str, symbol: str, contract: Contract | None) -> None:
        self.contracts[exchange, symbol] = contract

    def contracts_whole(self, listed: Collection[tuple[str, str]]) -> None:
        self.listings.append(set(listed))

    def symbols(self) -> set[str]:
        return {quote.symbol for quote in self.quotes}


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def publisher(server: NatsServer) -> Iterator[Publisher]:
    with publishing(server) as made:
        yield made


@pytest.fixture
def reading(server: NatsServer, sink: Sink) -> Iterator[Intake]:
    """An intake of two exchanges."""
    made = Intake(
        lambda changed: Connection(server.addresses, "reader", changed),
        sink,
        exchanges=["binance", "kucoin"],
        warn=ThrottledWarnings(log, 60, SYSTEM.uptime),
        uptime=SYSTEM.uptime,
        with_contracts=True,
    )
    yield made
    made.connection.check()
    made.close()


CONTRACT = Contract(
    *("binance", "kPEPEUSDT", ContractStatus.TRADING, "PERPETUAL", "PEPE", "USDT", 1_000.0),
    *(None, 4, "exchange", 0.02, -0.02, 1_764_725_610.0),
)


def test_quotes_and_heartbeats_of_the_wanted_exchanges(
    reading: Intake, sink: Sink, publisher: Publisher
) -> None:
    def sent() -> bool:
        for exchange in ("backpack", "binance", "kucoin"):
            publisher.quote("BTC", exchange=exchange)
            publisher.beat(exchange)
        return {each.exchange for each in sink.quotes} == {"binance", "kucoin"}

    until(sent, "quotes of both exchanges")
    until(
        lambda: {each.feed.exchange for each in sink.feeds} == {"binance", "kucoin"}, "heartbeats"
    )
    assert reading.connection.connected


def test_the_bucket_brings_what_was_there_before(
    publisher: Publisher, sink: Sink, request: pytest.FixtureRequest
) -> None:
    publisher.keep("DEAD", sent_ago=40)
    publisher.keep("OTHER", exchange="backpack")
    request.getfixturevalue("reading")
    until(lambda: sink.readings, "the bucket is read")
    assert sink.symbols() == {"DEAD"}


def test_the_bucket_is_not_watched_afterwards(
    publisher: Publisher, sink: Sink, request: pytest.FixtureRequest
) -> None:
    """A core message brings the same quote."""
    request.getfixturevalue("reading")
    until(lambda: sink.readings, "the bucket is read")
    until(lambda: consumers(publisher, subjects.QUOTES_BUCKET) == 0, "its consumer is gone")
    publisher.keep("LATER")
    publisher.until(lambda: sink.quotes, "a core message")
    assert "LATER" not in sink.symbols()


def consumers(publisher: Publisher, bucket: str) -> int:
    """How many the server keeps on a bucket."""

    async def ask(client: object) -> int:
        info = await client.jsm().stream_info(f"KV_{bucket}")  # type: ignore[attr-defined]
        return int(info.state.consumer_count)

    return publisher.connection._link.call(ask, 5.0)


def test_the_bucket_is_read_again_once_in_a_while(
    reading: Intake, sink: Sink, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A core message may be lost: here all of that symbol are."""
    assert reading._again.seconds == intake.READ_SECONDS
    monkeypatch.setattr(reading._again, "seconds", 0.1)
    monkeypatch.setattr(reading._again, "_at", 0.0)
    until(lambda: sink.readings, "the bucket is read")
    publisher.keep("LOST")
    publisher.until(lambda: "LOST" in sink.symbols(), "it is read again")


def test_after_a_reconnect_the_bucket_is_read_again(
    reading: Intake, sink: Sink, publisher: Publisher, server: NatsServer
) -> None:
    """What came meanwhile is there alone."""
    until(lambda: sink.readings, "the bucket is read")
    publisher.keep_on_disk()
    publisher.keep("BACK")
    assert sink.symbols() == set()
    server.kill()
    until(lambda: not reading.connection.connected, "the connection ends")
    server.start()
    until(lambda: "BACK" in sink.symbols(), "it is read")


def test_contracts_come_change_and_go(reading: Intake, sink: Sink, publisher: Publisher) -> None:
    until(lambda: sink.listings, "the bucket is read")
    publisher.contract(CONTRACT)
    publisher.contract(CONTRACT._replace(exchange="backpack"))
    name = "binance", "KPEPEUSDT"
    until(lambda: sink.contracts.get(name), "the contract")
    assert sink.contracts == {name: CONTRACT}
    publisher.remove_contract("binance", "kPEPEUSDT")
    until(lambda: sink.contracts[name] is None, "it is gone")
    assert reading.connection.connected


def test_contracts_that_went_meanwhile_are_known(
    publisher: Publisher, sink: Sink, request: pytest.FixtureRequest
) -> None:
    publisher.contract(CONTRACT)
    request.getfixturevalue("reading")
    until(lambda: sink.listings, "the bucket is read")
    assert sink.listings == [{("binance", "KPEPEUSDT")}]


def test_rubbish_is_a_warning_and_costs_nothing_else(
    reading: Intake, sink: Sink, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    def sent() -> bool:
        publisher.connection.publish(
            [
                ("funding.binance.BTCUSDT", b"{"),
                ("funding.binance.=zz", b"{}"),
                ("funding-feed.binance", b"\xff"),
            ]
        )
        publisher.quote("GOOD")
        publisher.beat()
        return bool(sink.quotes and sink.feeds)

    until(sent, "what is good")
    assert sink.symbols() == {"GOOD"}
    assert reading.connection.connected
    warned = [record.getMessage() for record in caplog.records if record.name == "test"]
    assert any("binance.BTCUSDT" in text for text in warned)
