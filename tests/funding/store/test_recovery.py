"""What is damage, and what is not."""

from pathlib import Path

import apsw
import pytest

from funding.store import recovery
from funding.store.damage import lock_path, report_damage
from funding.store.database import open_existing
from funding.store.durable import DurableConnection
from funding.store.file_identity import FileIdentity, identify
from funding.store.outbox import OutboxStore
from funding.store.recovery import is_damaged
from tests.support.clock import ManualClock, rows, write
from tests.support.store import alert

PAGE = 4_096
AT = 1_764_725_610.0


def test_a_row_that_an_index_lacks_is_damage_once_somebody_met_it(
    path: Path, store: DurableConnection
) -> None:
    """A write finds it, and ingest must not find the database sound."""
    outbox = OutboxStore(store)
    outbox.complete("volume_alert", 300, AT, [alert()], ["backend"])
    store.close()
    pages = "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_outbox_1'"
    ((page,),) = rows(path, pages)
    data = bytearray(path.read_bytes())
    data[data.index(b"backend", (page - 1) * PAGE)] = 0
    path.write_bytes(data)
    report_damage(path)
    assert is_damaged(path)


def test_program_that_opens_the_database_during_the_check_keeps_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when all programs start at once: else it and ingest write over each other's commits."""
    path = tmp_path / "funding.db"
    write(path, ManualClock().clock())
    lock_path(path).write_text(str(identify(path)))
    shm = Path(f"{path}-shm")
    assert not shm.exists()
    opened: list[apsw.Connection] = []
    made: list[FileIdentity | None] = []
    exists = Path.exists

    def open_once(asked: Path) -> None:
        if not opened and asked.name.endswith(("-wal", "-shm")):
            opened.append(open_existing(path))
            opened[0].execute("SELECT count(*) FROM quote").fetchall()
            made.append(identify(shm))

    def look(asked: Path) -> FileIdentity | None:
        found = identify(asked)
        open_once(asked)
        return found

    def there(asked: Path) -> bool:
        found = exists(asked)
        open_once(asked)
        return found

    monkeypatch.setattr(recovery, "identify", look)
    monkeypatch.setattr(Path, "exists", there)
    try:
        assert not is_damaged(path)
        assert [identify(shm)] == made
    finally:
        opened[0].close()
