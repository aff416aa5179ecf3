"""The database: opened read-only, recognised, or refused in one sentence."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.report_days import loose, run
from tests.support.report_world import tamper
from validation.errors import NoReport
from validation.read import database


def test_connection_cannot_write(world: Path) -> None:
    with pytest.raises(NoReport, match="readonly"), database.opened(world) as connection:
        connection.execute("DELETE FROM comparison")


def _nothing(path: Path) -> None:
    path.unlink()


def _no_rows(path: Path) -> None:
    tamper(path, "DELETE FROM comparison;")


def _no_bytes(path: Path) -> None:
    path.write_bytes(b"")


def _no_database(path: Path) -> None:
    path.write_bytes(b"certainly no database " * 400)


def _foreign(path: Path) -> None:
    path.unlink()
    script = "CREATE TABLE comparison (id, a, b); INSERT INTO comparison VALUES (1, 2, 3)"
    tamper(path, script, honest=False)


def _other_application(path: Path) -> None:
    tamper(path, "PRAGMA application_id = 7;")


@pytest.mark.parametrize(
    "spoil", [_nothing, _no_rows, _no_bytes, _no_database, _foreign, _other_application]
)
def test_unusable_database_is_reported_in_one_sentence(
    world: Path, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(world)
    existed = world.exists()
    assert run(world) == (2, {})
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("no report: ")
    assert said.err.count("\n") == 1
    assert world.exists() == existed


def test_file_is_never_created(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        database.store(
            tmp_path / "no.db", "binance", at=1, verdict="GO", since=0, until=1, text="{}"
        )
    assert list(tmp_path.iterdir()) == []


def test_value_that_no_column_can_have_is_reported(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(world, loose("rest_usage", "UPDATE rest_usage SET calls = 9e999"))
    assert run(world)[0] == 2
    assert "holds a value that no column of its kind has" in capsys.readouterr().err
