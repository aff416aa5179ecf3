"""How the file is opened and upgraded."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from funding.store import database
from funding.store.database import open_writer
from tests.conftest import ROOT
from tests.support.clock import rows

V1 = (ROOT / "tests" / "support" / "schema_v1.sql").read_text("utf-8")


def version_1(path: Path) -> None:
    """A database as version 1 left it, with what the step to version 2 has to move."""
    with closing(apsw.Connection(str(path))) as old:
        old.execute(V1)
        old.executemany(
            "INSERT INTO event (at, source, kind, detail) VALUES (?, ?, ?, ?)",
            [
                (1.0, "watchdog", "restart", "funding:ingest (no data): x (y): z"),
                (2.0, "watchdog", "start", "api:api (FATAL): it had given up"),
                (3.0, "watchdog", "kill", "it outlived its order"),
                (4.0, "watchdog", "waiting", "funding:ingest (no data): budget spent"),
                (5.0, "funding:watchdog", "start", "pid 17"),
            ],
        )
        old.executemany(
            "INSERT INTO rest_ban VALUES (?, ?, ?, ?)",
            [("a.example", 5.0, 3, "status 429"), ("b.example", 6.0, 0, "2300 of 2400")],
        )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "funding.db"


def test_version_1_is_upgraded_with_what_it_knew(path: Path) -> None:
    version_1(path)
    open_writer(path).close()
    assert rows(path, "SELECT at, program, rule FROM event ORDER BY at") == [
        (1.0, "funding:ingest", "no data"),
        (2.0, "api:api", "FATAL"),
        (3.0, None, None),
        (4.0, None, None),
        (5.0, None, None),
    ]
    assert rows(path, "SELECT address, until, pauses, reason, kind FROM rest_ban") == [
        ("a.example", 5.0, 3, "status 429", "banned"),
        ("b.example", 6.0, 0, "2300 of 2400", "over-budget"),
    ]
    assert rows(path, "PRAGMA user_version") == [(database.VERSION,)]


def test_an_upgraded_database_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    version_1(path)
    new = tmp_path / "new.db"
    for each in (path, new):
        open_writer(each).close()
    columns = (
        "SELECT s.type, s.name, c.* FROM sqlite_schema s, pragma_table_xinfo(s.name) c"
        " ORDER BY s.name, c.cid"
    )
    assert rows(path, columns) == rows(new, columns)
    views = "SELECT type, name FROM sqlite_schema ORDER BY type, name"
    assert rows(path, views) == rows(new, views)
    with closing(apsw.Connection(str(path))) as upgraded, pytest.raises(apsw.ConstraintError):
        upgraded.execute("INSERT INTO rest_ban VALUES ('c', 1.0, 1, 'x', 'no such kind')")
