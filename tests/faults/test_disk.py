"""Faults of the disk: full, and one page of it lost."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from funding.runtime.clock import SYSTEM
from harness.group import Group, started, tree
from harness.processes import until
from harness.stand_in import stand_in
from tests.faults.catalogue import SHORT, SHORT_TICK, events, fresh_after, well
from tests.faults.conftest import Record
from tests.support.clock import rows
from tests.support.service import healthy_service

pytestmark = pytest.mark.faults


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 8 MiB of its own at `folder`."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small disk can be mounted by root alone")
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine allows no mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_and_space_again(record: Record) -> None:
    with (
        tree() as folder,
        stand_in(folder, *SHORT_TICK) as exchange,
        small_disk(folder / "disk") as disk,
        started(folder, exchange, **SHORT | {"FUNDING_DB": disk / "funding.db"}) as service,
    ):
        database, log = disk / "funding.db", folder / "var" / "log" / "ingest.log"
        comparisons = count(database, "comparison")
        until(lambda: count(database, "comparison") > comparisons + 3, "comparisons")
        fill(disk / "filler")
        until(lambda: "the disk is full" in log.read_text(), "it is said")
        until(lambda: not well(service), "the API says so too")
        assert service.ask("/funding").status == 200, "reading goes on"
        kept = count(database, "comparison")
        (disk / "filler").unlink()
        began = SYSTEM.uptime()
        until(lambda: newest(database) > began, "data")
        seen = newest(database) - began
        until(lambda: well(service), "healthy again")
        assert count(database, "comparison") >= kept
        assert rows(database, "PRAGMA quick_check") == [("ok",)]
        service.process.terminate()
        assert service.process.wait(30) == 0
    record("disk full, then space", "data ≤ 25 s after", f"{seen:.1f} s")
    assert seen <= 25


def test_the_database_is_removed_on_a_full_disk(record: Record) -> None:
    """Ingest waits for room, and is there as soon as there is some."""
    with (
        tree() as folder,
        stand_in(folder, *SHORT_TICK) as exchange,
        small_disk(folder / "disk") as disk,
        started(folder, exchange, **SHORT | {"FUNDING_DB": disk / "funding.db"}) as service,
    ):
        database, log = disk / "funding.db", folder / "var" / "log" / "ingest.log"
        fill(disk / "filler")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{database}{suffix}").unlink()
        until(lambda: "was removed or replaced" in log.read_text(), "it is noticed")
        fill(disk / "what the removal gave back")
        until(lambda: "waiting for the store" in log.read_text(), "it waits")
        until(lambda: not well(service), "the API says so too")
        (disk / "filler").unlink()
        began = SYSTEM.uptime()
        until(lambda: well(service) and newest(database) > began, "fresh quotes")
        seen = newest(database) - began
        assert rows(database, "PRAGMA quick_check") == [("ok",)]
        service.process.terminate()
        assert service.process.wait(30) == 0
    record("database removed on a full disk, then space", "data ≤ 10 s after", f"{seen:.1f} s")
    assert seen <= 10


def fill(path: Path) -> None:
    """Write until nothing fits any more."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            with suppress(OSError):
                while file.write(b"x" * size):
                    pass


def count(path: Path, table: str) -> int:
    """The rows of `table`."""
    return int(rows(path, f"SELECT count(*) FROM {table}")[0][0])


def newest(path: Path) -> float:
    """When the newest quote came, as uptime."""
    return float(rows(path, "SELECT max(received_uptime) FROM quote")[0][0])


PLANTED = 4_000
PLANT = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO comparison (compared_at, source, exchange, symbol, field, outcome)
SELECT ? + i / 1e6, 'planted', 'binance', 'BTCUSDT', 'mark_price', 'match' FROM n
"""


@pytest.fixture
def service() -> Iterator[Group]:
    """A service with short settings."""
    with healthy_service(*SHORT_TICK, **SHORT) as service:
        yield service


def test_one_damaged_page_of_comparisons(service: Group, record: Record) -> None:
    """Nobody reads it until the watchdog reads all, each hour and when it begins."""
    with closing(sqlite3.connect(service.database)) as database:
        database.execute(PLANT, (PLANTED, SYSTEM.wall()))
        database.commit()
        database.execute("PRAGMA wal_checkpoint(PASSIVE)")
    with service.database.open("r+b") as file:
        pages = [number for number, page in enumerate(iter(partial(file.read, 4_096), b""))
                 if page[0] == 13 and page.count(b"planted") > 20]  # fmt: skip
        file.seek(pages[len(pages) // 2] * 4_096)
        file.write(b"\xff" * 4_096)
    began = SYSTEM.uptime()
    (pid,) = service.pids("watchdog.py")
    os.kill(pid, signal.SIGKILL)
    until(lambda: any(e[1] == "database-damaged" for e in events(service)), "it is set aside")
    seen = fresh_after(service, began)
    until(lambda: well(service), "healthy again")

    def saved() -> int:
        select = "SELECT count(*) FROM comparison WHERE source = 'planted'"
        return int(service.rows(select)[0][0])

    until(lambda: saved() >= PLANTED - 100, "what can be read is copied")
    assert saved() < PLANTED
    (aside,) = service.database.parent.glob("funding-damaged-20*Z.db")
    result = f"{seen:.1f} s; {saved()} of {PLANTED} comparisons saved, the old file kept"
    record("one damaged page of comparisons", "set aside, replaced, salvaged", result)
    assert aside.stat().st_size > 0
