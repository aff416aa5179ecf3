"""What readers see: ages, versions, files that come and go."""

import time
from contextlib import closing
from dataclasses import replace
from math import inf
from pathlib import Path

import apsw
import pytest

from funding.errors import StoreLocked, StoreMissing
from funding.model.contract import ContractStatus
from funding.model.quote import Source
from funding.store import database
from funding.store import reader as reader_module
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from tests.support.clock import ManualClock, rows
from tests.support.store import (
    NOW_MS,
    contract,
    feed_of,
    plainly,
    quote,
    reading,
    received,
    writing,
)


def test_the_version_changes_with_each_commit(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        seen = [reader.version()]
        for _ in range(3):
            writer.write(feed, received(quote(event_time=NOW_MS + len(seen))))
            seen.append(reader.version())
            assert reader.version() == seen[-1]
        reader.close()
        seen.append(reader.version())
        assert len(set(seen)) == len(seen) == 5


def test_ages_follow_the_clock_that_does_not_step(path: Path) -> None:
    feed, hand = feed_of(), ManualClock()
    with writing(path, feed) as writer, reading(path, hand) as reader:
        writer.write(feed, received(quote()))
        for wall in (hand.wall - 3_600, hand.wall + 3_600):
            hand.wall, hand.uptime = wall, hand.uptime + 10
            (found,) = reader.all()
            assert found.age_seconds == pytest.approx(hand.uptime - 5_000.0)


def test_a_frame_committed_while_it_reads_is_not_of_the_future(path: Path) -> None:
    """The clock is read after the rows."""
    feed, hand = feed_of(), ManualClock()

    def uptime() -> float:
        now = hand.uptime
        hand.uptime += 0.1
        later = quote(event_time=NOW_MS + int(hand.uptime * 1000))
        writer.write(feed, received(later, uptime=hand.uptime))
        return now

    with writing(path, feed) as writer:
        clock = replace(hand.clock(), uptime=uptime)
        with closing(Reader(path, "binance", clock)) as reader:
            reader.all()
            assert [one.age_seconds for one in reader.all()] == [0.0]


@pytest.mark.parametrize(
    "hand",
    [
        ManualClock(uptime=4_999.0),  # before it was received
        ManualClock(boot="next boot", uptime=9_000.0),
        ManualClock(boot="next boot", uptime=9_000.0, wall=0.0),  # and the clock was set back
    ],
)
def test_what_lies_in_another_boot_or_in_the_future_is_of_unknown_age(
    hand: ManualClock, path: Path
) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path, hand) as reader:
        writer.write(feed, received(quote()))
        one = reader.one("BTCUSDT")
        assert one is not None
        assert one.age_seconds == inf
        assert [each.age_seconds for each in reader.all()] == [inf]


def test_after_a_reboot_a_quote_is_of_unknown_age_until_the_next_frame(path: Path) -> None:
    feed, hand = feed_of(), ManualClock(uptime=20.0, boot="next boot")
    with writing(path, feed) as writer:
        writer.write(feed, received(quote(), quote("ETHUSDT")))
    hand.wall += 300
    with reading(path, hand) as reader:
        # Before ingest has begun again, and after.
        assert [one.age_seconds for one in reader.all()] == [inf, inf]
        feed = feed_of(boot="next boot")
        with writing(path, feed) as writer:
            assert rows(path, "SELECT count(*) FROM quote WHERE received_uptime IS NULL") == [(2,)]
            assert [one.age_seconds for one in reader.all()] == [inf, inf]
            new = received(quote(event_time=NOW_MS + 1), wall=hand.wall, uptime=19.0)
            writer.write(feed, new)
            assert [one.age_seconds for one in reader.all()] == [1.0, inf]
        hand.wall -= 3_600
        assert [one.age_seconds for one in reader.all()] == [1.0, inf]


def test_the_next_ingest_of_one_boot_keeps_the_ages(path: Path) -> None:
    feed, hand = feed_of(), ManualClock(uptime=5_030.0)
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    with writing(path), reading(path, hand) as reader:
        assert [one.age_seconds for one in reader.all()] == [30.0]


def test_a_reader_names_what_is_missing(path: Path) -> None:
    with reading(path) as reader:
        with pytest.raises(StoreMissing, match="not there yet"):
            reader.all()
        path.parent.mkdir()
        path.touch()
        with pytest.raises(StoreMissing, match="no tables yet"):
            reader.one("BTCUSDT")
        assert path.read_bytes() == b""
        with writing(path):
            assert reader.all() == []
            assert reader.one("BTCUSDT") is None
            assert reader.feed() is not None


def test_a_reader_cannot_write(path: Path) -> None:
    with writing(path), reading(path) as reader:
        reader.all()
        held = reader._handle._connection
        assert held is not None
        with pytest.raises(apsw.ReadOnlyError):
            held.execute("DELETE FROM feed")


def test_a_reader_follows_a_file_that_is_replaced(path: Path) -> None:
    with reading(path) as reader:
        for mark in (1.0, 2.0):
            feed = feed_of()
            with writing(path, feed) as writer:
                writer.write(feed, received(quote(mark=mark)))
                assert [one.mark_price for one in reader.all()] == [mark]
            reader.close()
            path.rename(path.with_name(f"old-{mark}.db"))
            with pytest.raises(StoreMissing):
                reader.all()


def test_a_file_replaced_under_an_open_reader_is_followed(path: Path) -> None:
    for name, mark in (("funding.db", 1.0), ("other.db", 2.0)):
        feed = feed_of()
        with writing(path.with_name(name), feed) as writer:
            writer.write(feed, received(quote(mark=mark)))
    with reading(path) as reader:
        assert [one.mark_price for one in reader.all()] == [1.0]
        path.rename(path.with_name("old.db"))
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        path.with_name("other.db").rename(path)
        assert [one.mark_price for one in reader.all()] == [2.0]


def test_a_reader_does_not_wait_long_for_a_locked_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(path) as writer:
        writer.write(feed_of(), received(quote()))
    with closing(plainly(path)) as person, reading(path) as reader:
        person.execute("PRAGMA locking_mode = EXCLUSIVE")
        person.execute("DELETE FROM event")
        monkeypatch.setattr(database, "BUSY_SECONDS", 60.0)
        began = time.monotonic()
        with pytest.raises(StoreLocked, match="locked by another process"):
            reader.one("BTCUSDT")
        assert time.monotonic() - began < 30, "it waits as a writer does"
        person.close()
        assert reader.one("BTCUSDT") is not None


def test_the_interval_of_the_contract_comes_before_the_witnessed_one(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        writer.write(feed, received(*(quote(each) for each in ("A", "B", "C"))))
        assert [each.status for each in reader.all()] == [None] * 3
        with closing(plainly(path)) as person:
            person.execute("UPDATE quote SET funding_interval_hours = 8 WHERE symbol <> 'C'")
        with closing(DurableConnection(path)) as store:
            listed = contract("A", hours=4), contract("B", ContractStatus.SETTLING, hours=None)
            Contracts(store).replace("binance", listed)
        assert [
            (each.status, each.funding_interval_hours, each.interval_source)
            for each in reader.all()
        ] == [
            (ContractStatus.TRADING, 4, "exchange"),
            (ContractStatus.SETTLING, 8, "settlements"),
            (ContractStatus.UNKNOWN, None, None),
        ]


def test_what_is_known_beside_the_quote(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer, reading(path) as reader:
        writer.write(feed, received(quote()))
        with closing(plainly(path)) as person:
            person.execute(
                "UPDATE quote SET z_score = 2.5, z_reason = 'words', percentile = 99.0,"
                " zone = 'high', source = 'rest'"
            )
        found = reader.one("BTCUSDT")
        assert found is not None
        assert (found.z_score, found.z_reason, found.percentile) == (2.5, "words", 99.0)
        assert (found.zone, found.source) == ("high", Source.REST)


def test_contracts_are_not_read_for_each_quote(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "CHECKS_PER_CONTRACTS", 1e12)
    feed = feed_of()
    with (
        writing(path, feed) as writer,
        closing(Reader(path, "binance", ManualClock().clock(), check_seconds=1e-9)) as reader,
        closing(DurableConnection(path)) as store,
    ):
        writer.write(feed, received(quote()))
        (found,) = reader.all()
        Contracts(store).replace("binance", [contract("BTCUSDT")])
        assert reader.all() == [found]
