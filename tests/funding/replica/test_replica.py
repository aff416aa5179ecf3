"""A replica over a real server: its file follows, and goes with it."""

import logging
import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from funding.errors import StoreError
from funding.replica.replica import FOLDER, Replica, remove_leftovers
from funding.replica.trail import TrailKind
from funding.runtime.clock import SYSTEM
from funding.runtime.logs import ThrottledWarnings
from funding.store import asset_reader, history_reader, trail_reader
from funding.store.reader import Reader
from harness.processes import until
from tests.funding.nats.test_intake import CONTRACT
from tests.funding.replica.test_trail import EVENT, FIELDS
from tests.support.nats_server import NatsServer
from tests.support.publisher import Publisher

log = logging.getLogger("test")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system keeps temporary files."""
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(made))
    return made


@pytest.fixture
def failed() -> threading.Event:
    return threading.Event()


@pytest.fixture
def replica(server: NatsServer, folder: Path, failed: threading.Event) -> Iterator[Replica]:
    made = Replica(
        server.addresses,
        ["binance"],
        clock=SYSTEM,
        warn=ThrottledWarnings(log, 60, SYSTEM.uptime),
        failed=failed.set,
    )
    yield made
    made.close()
    if not failed.is_set():
        made.check()
    assert list(folder.iterdir()) == []


@pytest.fixture
def reader(replica: Replica) -> Reader:
    return Reader(replica.path, "binance", SYSTEM)


def age(reader: Reader, symbol: str) -> float | None:
    found = reader.one(symbol)
    return None if found is None else found.age_seconds


def test_it_follows(publisher: Publisher, replica: Replica, reader: Reader) -> None:
    publisher.until(lambda: reader.one("BTCUSDT"), "a quote")
    publisher.until(lambda: replica.problem("binance") == "", "a heartbeat")
    feed = reader.feed()
    assert feed is not None
    assert feed.boot_id == SYSTEM.boot
    publisher.contract(CONTRACT)
    until(lambda: asset_reader.contracts(reader) == [CONTRACT], "a contract")
    at = SYSTEM.wall()
    event = FIELDS[TrailKind.EVENT] | {"at": at}
    for number, kind in enumerate(TrailKind):
        publisher.append(kind, "x", FIELDS[kind] | {"at": at, "comparedAt": at}, str(number))
    until(lambda: trail_reader.events(reader, 0.0, (), None, 9), "an event")
    publisher.append("event", "x", event | {"id": 4}, "another")
    until(lambda: len(trail_reader.events(reader, 0.0, (), None, 9)) == 2, "another one")
    events = trail_reader.events(reader, 0.0, (), None, 9)
    expected = replace(EVENT, at=at)
    assert [(each.id, each.event) for each in events] == [(4, expected), (2, expected)]
    until(lambda: history_reader.signals(reader, None, 0.0, 9), "a signal")
    assert replica.problem("kucoin") != ""


def test_a_late_joiner_has_the_buckets_value_with_its_true_age(
    publisher: Publisher, request: pytest.FixtureRequest
) -> None:
    publisher.keep("DEAD", sent_ago=400, age=1.0)
    reader: Reader = request.getfixturevalue("reader")
    until(lambda: reader.one("DEAD"), "the quote")
    found = age(reader, "DEAD")
    assert found is not None
    assert 401 <= found < 401 + 60


def test_a_slow_link_makes_quotes_old(
    publisher: Publisher, replica: Replica, reader: Reader
) -> None:
    """Each message was on its way for 300 s; heartbeats too, and so the exchange is unhealthy."""

    def sent() -> bool:
        publisher.quote("SLOW", sent_ago=300, tick=300)
        publisher.beat(sent_ago=300)
        return reader.one("SLOW") is not None

    until(sent, "a quote")
    assert (age(reader, "SLOW") or 0) >= 300
    until(lambda: sent() and "300 s late" in replica.problem("binance"), "it is said")


def test_a_server_that_dies_is_said_and_what_comes_after_is_read(
    publisher: Publisher,
    server: NatsServer,
    replica: Replica,
    reader: Reader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("funding.replica.heartbeats.SILENT_SECONDS", 0.5)
    publisher.until(lambda: replica.problem("binance") == "", "a heartbeat")
    event = FIELDS[TrailKind.EVENT] | {"at": SYSTEM.wall()}
    publisher.append("event", "x", event, "1")
    until(lambda: trail_reader.events(reader, 0.0, (), None, 9), "an event")
    publisher.keep_on_disk()
    publisher.keep("BACK")
    server.kill()
    until(lambda: server.url in replica.problem("binance"), "it is said")
    assert "one, was heard" in replica.problem("binance")
    server.start()
    until(lambda: publisher.connection.connected, "the publisher is back")
    publisher.append("event", "x", event | {"id": 4}, "2")
    until(lambda: reader.one("BACK"), "the bucket is read again")
    until(lambda: len(trail_reader.events(reader, 0.0, (), None, 9)) == 2, "the next event")
    publisher.until(lambda: replica.problem("binance") == "", "heartbeats are heard again")


def test_its_file_is_for_its_user_alone(replica: Replica) -> None:
    mode = stat.S_IMODE(replica.path.parent.stat().st_mode)
    assert mode == 0o700


def test_a_store_that_fails_is_told(
    publisher: Publisher,
    replica: Replica,
    failed: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_changes: object) -> None:
        raise StoreError(str(replica.path), "no space")

    monkeypatch.setattr(replica._file, "write", full)
    publisher.until(failed.is_set, "it is told")
    with pytest.raises(StoreError, match="no space"):
        replica.check()


def test_leftovers_of_what_was_killed_are_removed(folder: Path) -> None:
    dead, mine, other = (
        folder / f"{FOLDER}{name}" for name in ("999999999-a", f"{os.getpid()}-b", "notes")
    )
    for each in (dead, mine, other):
        each.mkdir()
        (each / "funding.db").touch()
    link = folder / f"{FOLDER}999999998-c"
    link.symlink_to(other)
    remove_leftovers(folder)
    assert sorted(folder.iterdir()) == sorted([mine, other, link])


def test_a_folder_that_cannot_be_made_is_named(
    server: NatsServer, folder: Path, failed: threading.Event
) -> None:
    folder.rmdir()
    with pytest.raises(StoreError, match="no folder can be made there"):
        Replica(
            server.addresses,
            ["binance"],
            clock=SYSTEM,
            warn=ThrottledWarnings(log, 60, SYSTEM.uptime),
            failed=failed.set,
        )
