"""Ingest is told of damage, and of nothing else."""

from contextlib import closing, suppress
from pathlib import Path

import pytest

from funding.errors import StoreCorrupt
from funding.model.event import Event, EventKind
from funding.store import damage
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.events import Events
from tests.support.clock import rows
from tests.support.store import comparison

AT = 1_764_725_610.0


@pytest.mark.parametrize("use", ["write", "read"])
def test_damage_is_reported_to_ingest(path: Path, store: DurableConnection, use: str) -> None:
    ((page, size),) = rows(
        path, "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'event'"
    )
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    added = [Event(AT, "watchdog", EventKind.START, "")]
    with pytest.raises(StoreCorrupt):
        Events(store).add(added) if use == "write" else Events(store).recall(
            "", EventKind.START, 0.0
        )
    assert damage.marker_path(path).exists()


def test_a_check_finds_damage_where_nobody_looks(path: Path, store: DurableConnection) -> None:
    Comparisons(store).add([comparison(AT + number) for number in range(500)])
    store.close()
    assert store.check() == ""
    assert not damage.marker_path(path).exists()
    store.close()
    with path.open("r+b") as file:
        file.seek(-3 * 4096, 2)
        file.write(b"\xff" * 4096)
    with suppress(StoreCorrupt):
        assert store.check()
    assert damage.marker_path(path).exists()


def test_damage_of_a_file_that_is_not_ours_is_not_reported(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_bytes(b"Dear aunt,\n" * 1_000)
    with closing(DurableConnection(path)) as store, pytest.raises(StoreCorrupt):
        Events(store).recall("watchdog", EventKind.START, 0.0)
    assert [each.name for each in tmp_path.iterdir()] == ["letter.db"]
