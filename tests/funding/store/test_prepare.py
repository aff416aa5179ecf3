"""What ingest cannot use is set aside before it begins."""

from pathlib import Path

import pytest

from funding.errors import StoreForeign, StoreFull, StoreLocked
from funding.model.feed import Feed
from funding.store.prepare import prepare, set_aside_if_foreign
from tests.support.clock import rows
from tests.support.store import feed_of, leave_open, quote, reading, received, writing


def test_quotes_of_a_stand_in_are_set_aside_for_an_exchange(path: Path) -> None:
    assert set_aside_if_foreign(path, feed_of()) is None
    for name in ("funding-127.0.0.1.db", "funding-127.0.0.1-2.db"):
        invented = feed_of("127.0.0.1")
        with writing(path, invented) as writer:
            writer.write(invented, received(quote("INVENTEDUSDT")))
        assert set_aside_if_foreign(path, feed_of("localhost")) is None
        aside = set_aside_if_foreign(path, feed_of("fstream.example"))
        assert aside == path.with_name(name)
        assert rows(aside, "SELECT symbol FROM quote") == [("INVENTEDUSDT",)]
        assert not path.exists()


@pytest.mark.parametrize("address", ["127.0.0.1", "new.example"])
def test_quotes_of_an_exchange_stay_where_they_are(path: Path, address: str) -> None:
    feed = feed_of("old.example")
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    before = path.read_bytes()
    with pytest.raises(StoreForeign, match=r"old\.example; those of .* need another file"):
        prepare(path, feed_of(address))
    assert path.read_bytes() == before
    assert list(path.parent.glob("*.db")) == [path]


def test_a_database_open_in_another_program_is_not_set_aside(path: Path) -> None:
    feed = feed_of("127.0.0.1")
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    with reading(path) as reader:
        reader.all()
        with pytest.raises(StoreLocked, match=r"127\.0\.0\.1.*open in another program"):
            set_aside_if_foreign(path, feed_of("new.example"))
        assert [one.symbol for one in reader.all()] == ["BTCUSDT"]
    aside = set_aside_if_foreign(path, feed_of("new.example"))
    assert aside is not None
    assert rows(aside, "SELECT symbol FROM quote") == [("BTCUSDT",)]
    assert not path.exists()


def test_the_wal_of_a_killed_ingest_is_set_aside_with_its_database(path: Path) -> None:
    with writing(path, feed_of("127.0.0.1")):
        pass
    leave_open(path, "INSERT INTO event (at, source, kind, detail) VALUES (1, 'a', 'b', 'c');")
    aside = set_aside_if_foreign(path, feed_of("new.example"))
    assert aside is not None
    assert rows(aside, "SELECT kind FROM event") == [("b",)]


def test_preparing_makes_a_database_or_replaces_one_that_cannot_be_used(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(path, feed_of("127.0.0.1"))
    assert caplog.messages == []
    prepare(path, feed_of("new.example"))
    aside = path.with_name("funding-127.0.0.1.db")
    assert caplog.messages == [f"{path} holds quotes of a stand-in: it is now {aside}"]
    path.write_bytes(b"\xff" * 100_000)
    prepare(path, feed_of("new.example"))
    assert "is damaged: it is now" in caplog.messages[1]
    for each in (path, aside):
        assert rows(each, "PRAGMA quick_check") == [("ok",)]
    assert len(list(path.parent.glob("funding-damaged-*.db"))) == 1


def test_full_disk_is_left_to_ingest(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the group at work somebody is told."""

    def full(path: Path, _feed: Feed) -> None:
        raise StoreFull(str(path), "no space left on the disk")

    monkeypatch.setattr("funding.store.prepare.Writer", full)
    prepare(path, feed_of())
    assert caplog.messages == [f"{path}: no space left on the disk: ingest waits for room"]
