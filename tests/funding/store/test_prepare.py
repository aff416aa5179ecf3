"""What ingest cannot use is set aside before it begins."""

from pathlib import Path

import pytest

from funding.errors import StoreLocked
from funding.store.prepare import prepare, set_aside_if_foreign
from tests.support.clock import rows
from tests.support.store import feed_of, leave_open, quote, reading, received, writing


def test_quotes_of_another_address_are_set_aside(path: Path) -> None:
    assert set_aside_if_foreign(path, feed_of()) is None
    names = []
    for address in ("127.0.0.1", "fstream.example", "127.0.0.1", "fstream.example"):
        feed = feed_of(address)
        aside = set_aside_if_foreign(path, feed)
        names.append(aside.name if aside else None)
        with writing(path, feed) as writer:
            assert writer.symbols("binance") == []
            writer.write(feed, received(quote(f"AT{address}")))
        assert set_aside_if_foreign(path, feed) is None
    first, second = "funding-127.0.0.1.db", "funding-fstream.example.db"
    assert names == [None, first, second, "funding-127.0.0.1-2.db"]
    assert rows(path.with_name(first), "SELECT symbol FROM quote") == [("AT127.0.0.1",)]
    assert rows(path.with_name(second), "SELECT symbol FROM quote") == [("ATfstream.example",)]


def test_a_database_open_in_another_program_is_not_set_aside(path: Path) -> None:
    feed = feed_of("old.example")
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    with reading(path) as reader:
        reader.all()
        with pytest.raises(StoreLocked, match=r"old\.example.*open in another program"):
            set_aside_if_foreign(path, feed_of("new.example"))
        assert [one.symbol for one in reader.all()] == ["BTCUSDT"]
    aside = set_aside_if_foreign(path, feed_of("new.example"))
    assert aside is not None
    assert rows(aside, "SELECT symbol FROM quote") == [("BTCUSDT",)]
    assert not path.exists()


def test_the_wal_of_a_killed_ingest_is_set_aside_with_its_database(path: Path) -> None:
    with writing(path, feed_of("old.example")):
        pass
    leave_open(path, "INSERT INTO event (at, source, kind, detail) VALUES (1, 'a', 'b', 'c');")
    aside = set_aside_if_foreign(path, feed_of("new.example"))
    assert aside is not None
    assert rows(aside, "SELECT kind FROM event") == [("b",)]


def test_preparing_makes_a_database_or_replaces_one_that_cannot_be_used(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(path, feed_of("old.example"))
    assert caplog.messages == []
    prepare(path, feed_of("new.example"))
    aside = path.with_name("funding-old.example.db")
    assert caplog.messages == [f"{path} holds another address's quotes: it is now {aside}"]
    path.write_bytes(b"\xff" * 100_000)
    prepare(path, feed_of("new.example"))
    assert "is damaged: it is now" in caplog.messages[1]
    for each in (path, aside):
        assert rows(each, "PRAGMA quick_check") == [("ok",)]
    assert len(list(path.parent.glob("funding-damaged-*.db"))) == 1
