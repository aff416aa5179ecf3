"""One thread sends to every reader what changes in the store."""

import json
import logging
import threading
from itertools import pairwise
from typing import Any

import pytest

from funding.api import broadcaster as module
from funding.api.broadcaster import MAX_READERS, Broadcaster, Subscription
from funding.model.feed import StoredQuote
from funding.store.reader import Reader
from harness.processes import until
from tests.support.api_world import BTC, CHINESE, DATED, ETH, World, again

ALL = ("binance", "kucoin")


@pytest.fixture
def sender(world: World) -> Any:
    found = Broadcaster(world.served(), world.clock)
    yield found
    found.close()
    until(lambda: not found._running, "its thread ends")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 0.01)


class Events:
    """What one reader receives."""

    def __init__(self, sender: Broadcaster, wanted: Subscription) -> None:
        assert sender.join(wanted)
        self._events = iter(wanted)
        assert next(self._events).startswith(b"retry: ")

    def next(self, *names: str) -> tuple[str, Any]:
        """The next event that is not a heartbeat."""
        while True:
            name, data = parsed(next(self._events))
            if name != "heartbeat":
                return name, data

    def symbols(self) -> list[str]:
        name, data = self.next()
        assert name == "quotes"
        return [row["symbol"] for row in data["data"]]


def parsed(event: bytes) -> tuple[str, Any]:
    fields = dict(line.split(": ", 1) for line in event.decode().strip().split("\n"))
    return fields["event"], json.loads(fields["data"])


def signal(world: World, symbol: str = "BTCUSDT", exchange: str = "binance") -> None:
    world.execute(
        "INSERT INTO signal (at, exchange, symbol, kind, zone, direction, rate, z_score, detail)"
        f" VALUES (1, '{exchange}', '{symbol}', 'zone', 'high', 'up', 0.001, 2.5, 'words')"
    )


def test_all_quotes_first_then_those_that_change(world: World, sender: Broadcaster) -> None:
    events = Events(sender, Subscription(["binance"]))
    assert len(events.symbols()) == 4
    world.later(1)
    world.frame(again(BTC, 1, mark_price=5.0), again(ETH, 1))
    _, data = events.next()
    assert [row["symbol"] for row in data["data"]] == ["BTCUSDT", "ETHUSDT"]
    assert data["data"][0]["markPrice"] == 5.0
    assert data["data"][0]["stale"] is False


def test_a_heartbeat_of_the_feed_sends_no_quotes(world: World, sender: Broadcaster) -> None:
    events = Events(sender, Subscription(["binance"]))
    events.symbols()
    world.beat()
    world.later(1)
    world.frame(again(DATED, 1))
    assert events.symbols() == ["BTCUSDT_261225"]


def test_a_reader_gets_what_it_wants(world: World, sender: Broadcaster) -> None:
    world.copy_to_kucoin()
    some = Events(sender, Subscription(["binance"], frozenset(["ETHUSDT"])))
    everything = Events(sender, Subscription(ALL))
    nothing = Events(sender, Subscription(ALL, frozenset(["NOUSDT"])))
    assert some.symbols() == ["ETHUSDT"]
    assert [len(everything.symbols()) for _ in ALL] == [4, 1]
    assert [nothing.symbols() for _ in ALL] == [[], []]
    world.later(1)
    world.frame(again(BTC, 1))
    world.later(1)
    world.frame(again(ETH, 2))
    assert some.symbols() == ["ETHUSDT"]
    seen = everything.symbols()
    if len(seen) == 1:  # else both came in one turn
        seen += everything.symbols()
    assert seen == ["BTCUSDT", "ETHUSDT"]


def test_quotes_are_read_once_for_all_readers(
    world: World, sender: Broadcaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = [Events(sender, Subscription(["binance"])) for _ in range(3)]
    for each in readers:
        each.symbols()
    read: list[str] = []
    original = Reader.all

    def counted(reader: Reader) -> list[StoredQuote]:
        read.append(reader.exchange)
        return original(reader)

    monkeypatch.setattr(Reader, "all", counted)
    world.later(1)
    world.frame(again(BTC, 1))
    for each in readers:
        assert each.symbols() == ["BTCUSDT"]
    assert read == ["binance"]


def test_heartbeats_come_with_time(world: World, sender: Broadcaster) -> None:
    wanted = Subscription(["binance"])
    assert sender.join(wanted)
    beats: list[float] = []
    for event in wanted:
        if b"event: heartbeat" in event:
            beats.append(parsed(event)[1]["at"])
            world.later(5)
        if len(beats) == 3:
            break
    assert [after - before for before, after in pairwise(beats)] == pytest.approx([5, 5])


def test_signals_from_now_on_and_from_an_id_on(world: World, sender: Broadcaster) -> None:
    signal(world, "OLD")
    signal(world, "MISSED")
    later = Events(sender, Subscription(ALL, signals=True, last_signal=1))
    new = Events(sender, Subscription(["binance"], frozenset(["BTCUSDT"]), signals=True))
    other = Events(sender, Subscription(ALL, signals=True, last_signal=99))
    name, data = later.next()
    assert (name, data["symbol"], data["id"]) == ("signal", "MISSED", 2)
    for each, count in ((later, 2), (new, 1), (other, 2)):
        for _ in range(count):
            assert each.next()[0] == "quotes"
    for symbol, exchange in (("ETHUSDT", "binance"), ("BTCUSDT", "kucoin"), ("*", "binance")):
        signal(world, symbol, exchange)
    signal(world)
    assert [later.next()[1]["id"] for _ in range(4)] == [3, 4, 5, 6]
    assert [other.next()[1]["id"] for _ in range(4)] == [3, 4, 5, 6]
    assert [new.next()[1]["id"] for _ in range(2)] == [5, 6]


def test_places_are_few_and_given_back(world: World, sender: Broadcaster) -> None:
    readers = [Subscription(["binance"]) for _ in range(MAX_READERS)]
    assert all(sender.join(each) for each in readers)
    assert not sender.join(Subscription(["binance"]))
    readers[0].close()
    readers[0].close()
    assert sender.join(Subscription(["binance"]))


def test_the_thread_ends_with_the_last_reader_and_begins_again(
    world: World, sender: Broadcaster
) -> None:
    for _ in range(2):
        wanted = Subscription(["binance"])
        events = Events(sender, wanted)
        assert len(events.symbols()) == 4
        assert "stream" in [thread.name for thread in threading.enumerate()]
        wanted.close()
        until(lambda: not sender._running, "its thread ends")


def test_the_end_ends_every_stream_and_lets_nobody_in(world: World, sender: Broadcaster) -> None:
    readers = [Subscription(["binance"]) for _ in range(3)]
    for each in readers:
        assert sender.join(each)
    sender.close()
    for each in readers:
        list(each)
    assert not sender.join(Subscription(["binance"]))


def test_a_store_that_is_away_ends_no_stream(
    world: World,
    sender: Broadcaster,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    events = Events(sender, Subscription(["binance"]))
    events.symbols()
    aside = world.path.with_name("aside")
    world.path.rename(aside)
    until(lambda: "is not there" in caplog.text, "it is missed")
    aside.rename(world.path)
    world.later(1)
    world.execute("UPDATE quote SET updated_at = updated_at + 1 WHERE symbol = 'ETHUSDT'")
    assert events.symbols() == ["ETHUSDT"]


def test_a_defect_ends_the_streams_and_is_in_the_log(
    world: World,
    sender: Broadcaster,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Reader, "all", None)
    wanted = Subscription(["binance"])
    assert sender.join(wanted)
    for _ in wanted:
        pass
    wanted.close()
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]


def test_many_quotes_are_several_events(
    world: World, sender: Broadcaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 3)
    events = Events(sender, Subscription(["binance"]))
    found = [events.symbols(), events.symbols()]
    assert [len(each) for each in found] == [3, 1]
    assert sorted(found[0] + found[1]) == sorted(each.symbol for each in (BTC, ETH, CHINESE, DATED))
