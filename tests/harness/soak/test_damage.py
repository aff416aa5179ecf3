"""A database damaged as by a bad disk."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from harness.soak.audit import integrity
from harness.soak.damage import damage


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "funding.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE comparison (source)")
        connection.executemany("INSERT INTO comparison VALUES (?)", [("soak",)] * 2_000)
        connection.commit()
    return path


@pytest.mark.parametrize("how", ["truncated", "overwritten", "pages", "page"])
def test_it_is_noticed(database: Path, how: str) -> None:
    assert integrity(database) == "ok"
    damage(database, how, 1)
    assert integrity(database) != "ok"


def test_it_is_deleted(database: Path) -> None:
    damage(database, "deleted", 1)
    assert not database.exists()


def test_a_page_of_comparisons_that_does_not_exist_yet(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM comparison")
        connection.commit()
        connection.execute("VACUUM")
    with pytest.raises(SystemExit) as caught:
        damage(database, "page", 1)
    assert caught.value.code == 3
