"""Waits that a host has asked for, which outlive the process that was told."""

import logging
import os
from pathlib import Path

import pytest

from funding.store import durable
from funding.store.stated_waits import StatedWaits
from tests.support.clients import locked
from tests.support.clock import ManualClock, rows, write

URL = "wss://stream.test:9443/market/stream?streams=a"


@pytest.fixture
def hand(path: Path) -> ManualClock:
    hand = ManualClock()
    write(path, hand.clock())
    return hand


def test_wait_binds_every_process_until_it_ends(path: Path, hand: ManualClock) -> None:
    StatedWaits(path, hand.clock()).record(URL, 120.0, "status 429")
    other = StatedWaits(path, hand.clock())
    assert other.left("wss://stream.test:9443/other") == pytest.approx(120)
    for elsewhere in ("wss://stream.test/market", "https://stream.test:9443", "wss://test:9443"):
        assert other.left(elsewhere) == 0
    hand.advance(119)
    assert other.left(URL) == pytest.approx(1)
    hand.advance(1)
    assert other.left(URL) == 0


def test_path_is_not_stored(path: Path, hand: ManualClock) -> None:
    """That of Telegram holds the bot's key."""
    waits = StatedWaits(path, hand.clock())
    waits.record("https://api.telegram.test/bot9999:key/sendMessage", 35.0, "status 429")
    assert rows(path, "SELECT address FROM rest_ban") == [("https://api.telegram.test",)]


def test_nothing_is_stored_where_nothing_was_asked(path: Path, hand: ManualClock) -> None:
    StatedWaits(path, hand.clock()).record(URL, 0.0, "status 429")
    assert rows(path, "SELECT * FROM rest_ban") == []


def test_wait_stored_by_a_wrong_clock_does_not_count(path: Path, hand: ManualClock) -> None:
    waits = StatedWaits(path, hand.clock())
    waits.record(URL, 120.0, "status 429")
    hand.wall -= 7 * 86_400
    assert waits.left(URL) == 0
    waits.record(URL, 60.0, "status 429")
    assert waits.left(URL) == pytest.approx(60)


def test_without_the_store_nothing_is_raised(
    path: Path,
    hand: ManualClock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(durable, "BUSY_SECONDS", 0.1)
    missing = StatedWaits(tmp_path / "none.db", hand.clock())
    missing.record(URL, 120.0, "status 429")
    assert missing.left(URL) == 0
    with locked(path):
        StatedWaits(path, hand.clock()).record(URL, 120.0, "status 429")
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
    assert "a wait of 120 s cannot be stored" in caplog.text


def test_file_is_not_kept_open(path: Path, hand: ManualClock) -> None:
    waits = StatedWaits(path, hand.clock())
    waits.record(URL, 120.0, "status 429")
    assert waits.left(URL) > 0
    opened = {os.readlink(each) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()}
    assert not any(name.startswith(str(path)) for name in opened)
