"""What a person does to the files of the running group: fresh quotes again, by themselves."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from harness.group import Group
from harness.processes import WAIT_SECONDS, until
from tests.support.service import healthy_service


@pytest.fixture(scope="module")
def service() -> Iterator[Group]:
    """One group, to which all of it is done, one after the other."""
    with healthy_service(FUNDING_CHECK_INTERVAL=1, FUNDING_MIN_SYMBOLS=1) as service:
        yield service


def without(*suffixes: str) -> Callable[[Path], None]:
    def remove(path: Path) -> None:
        for suffix in suffixes:
            Path(f"{path}{suffix}").unlink()

    return remove


CUT_AT = 65_536


def another_database(path: Path) -> None:
    other = path.with_name("other.db")
    with closing(sqlite3.connect(other)) as made:
        made.executescript("CREATE TABLE IF NOT EXISTS t (a); PRAGMA user_version = 2")
    content = other.read_bytes()
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(content)


def cut_off(path: Path) -> None:
    """All is in the main file, and that loses its end. What the WAL has, too, would not be lost,
    and ingest would go on."""
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS)) as plain:
        moved = "PRAGMA wal_checkpoint(TRUNCATE)"
        until(lambda: plain.execute(moved).fetchone()[0] == 0, "all is in the main file")
        assert path.stat().st_size > CUT_AT
        os.truncate(path, CUT_AT)


ODD: dict[str, Callable[[Path], None]] = {
    "truncate -s 0": lambda path: os.truncate(path, 0),
    "rm -wal": without("-wal"),
    "truncate -s 1": lambda path: os.truncate(path, 1),
    "rm -wal -shm": without("-wal", "-shm"),
    "another database": another_database,
    "rm -shm": without("-shm"),
    "truncate -s 100": lambda path: os.truncate(path, 100),
    "rm all": without("", "-wal", "-shm"),
    "truncate -s 64K": cut_off,
}


def feed_pid(service: Group) -> int:
    """The ingest that writes; 0 while the file cannot be read."""
    with suppress(sqlite3.Error):
        return service.feed_pid()
    return 0


@pytest.mark.parametrize("what", ODD)
def test_the_files_are_changed_under_the_running_group(service: Group, what: str) -> None:
    """One client polls. Ingest ends once, and its successor is left alone."""
    first, begin = feed_pid(service), time.time()
    ODD[what](service.database)

    def fresh() -> bool:
        answer = service.ask("/funding/BTCUSDT")
        return answer.status == 200 and answer.json["updatedAt"] > begin + 1

    until(fresh, "a quote that was received afterwards")
    second = until(
        lambda: feed_pid(service) not in (0, first) and feed_pid(service), "the next one"
    )
    steady = time.time() + 3.0

    def still_fresh() -> bool:
        assert fresh()
        return time.time() > steady

    until(still_fresh, "three steady seconds")
    assert feed_pid(service) == second
    assert service.rows("PRAGMA integrity_check") == [("ok",)]
    assert not Path(f"{service.database}.damaged").exists()
