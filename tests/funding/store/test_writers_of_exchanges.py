"""Several ingests of one database, each of its own exchange."""

from contextlib import closing
from pathlib import Path

import pytest

from funding.errors import StoreError, StoreInUse, StoreLocked
from funding.model.feed import Feed
from funding.store.damage import lock_path
from funding.store.ingest_lock import IngestLock
from funding.store.writer import Writer
from tests.support.clock import rows
from tests.support.store import NOW_MS, feed_of, quote, received, writing


def kucoin(boot: str = "this boot") -> Feed:
    feed = feed_of("kucoin.example", boot)
    feed.exchange = "kucoin"
    return feed


def test_writers_take_turns_and_move_nothing_into_each_others_rows(path: Path) -> None:
    one, other = feed_of(), kucoin()
    with writing(path, one) as owner, writing(path, other) as beside:
        for n in range(20):
            at = NOW_MS + n
            assert owner.write(one, received(quote("ETHUSDT", 1.0 + n, at))) == 1
            assert beside.write(other, received(quote("ETHUSDT", 2.0 + n, at))) == 1
            if n % 5 == 0:
                assert owner.checkpoint() > 0
                assert beside.checkpoint() == 0
        assert rows(path, "SELECT exchange, mark_price FROM quote ORDER BY exchange") == [
            *(("binance", 20.0), ("kucoin", 21.0))
        ]
        assert owner.symbols("binance") == beside.symbols("kucoin") == ["ETHUSDT"]
        assert [owner.others_wrote(), beside.others_wrote()] == [True, True]
        assert [owner.others_wrote(), beside.others_wrote()] == [False, False]
        owner.write(one, received(quote("ETHUSDT", 9.0, NOW_MS + 99)))
        assert [owner.others_wrote(), beside.others_wrote()] == [False, True]


def test_writer_goes_on_without_the_owner_and_the_next_one_owns_it(path: Path) -> None:
    one, other = feed_of(), kucoin()
    with writing(path, one) as owner:
        beside = Writer(path, other)
        owner.write(one, received(quote()))
    with closing(beside):
        assert beside.write(other, received(quote())) == 1
        with writing(path, feed_of()) as again:
            assert again.checkpoint() > 0
            assert beside.write(other, received(quote(event_time=NOW_MS + 1))) == 1


def test_second_writer_of_an_exchange_is_refused(path: Path) -> None:
    with writing(path), writing(path, kucoin()):
        for feed in (feed_of(), kucoin()):
            with pytest.raises(StoreInUse, match=feed.exchange):
                Writer(path, feed)


def test_database_that_the_owner_has_not_made_is_waited_for(path: Path) -> None:
    path.parent.mkdir()
    with closing(IngestLock(path, "binance")) as lock:
        assert lock.owns
        with pytest.raises(StoreLocked, match="yet to prepare"):
            Writer(path, kucoin())
    assert not path.exists()
    assert lock_path(path).exists()
    with writing(path, kucoin()):
        pass


def test_reboot_is_noted_for_one_exchange_alone(path: Path) -> None:
    for feed in (feed_of(), kucoin()):
        with writing(path, feed) as writer:
            writer.write(feed, received(quote()))
    with writing(path, kucoin("next boot")):
        found = rows(path, "SELECT exchange, received_uptime FROM quote ORDER BY exchange")
    assert found == [("binance", 5_000.0), ("kucoin", None)]


def test_writer_beside_the_owner_notices_that_the_file_is_gone(path: Path) -> None:
    one, other = feed_of(), kucoin()
    with writing(path, one), writing(path, other) as beside:
        path.rename(path.with_name("moved.db"))
        with pytest.raises(StoreError, match="removed or replaced"):
            beside.write(other, received(quote()))
        path.with_name("moved.db").rename(path)
