"""The way to the present schema."""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from funding.errors import StoreError, StoreInUse, StoreOlder
from funding.store import damage, upgrades
from funding.store.database import open_writer
from funding.store.durable import DurableConnection
from funding.store.prepare import prepare
from funding.store.schema_repair import SCHEMA
from funding.store.writer import Writer
from tests.conftest import ROOT
from tests.support.clock import rows
from tests.support.store import (
    contents,
    feed_of,
    quote,
    reading,
    received,
    writing,
)

VERSION = upgrades.VERSION
V1 = (ROOT / "tests" / "support" / "schema_v1.sql").read_text("utf-8")


def version_1(path: Path) -> None:
    """A database as version 1 left it, with what the step to version 2 has to move."""
    path.parent.mkdir(exist_ok=True)
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


def test_a_new_database_has_the_tables_of_the_contract(path: Path) -> None:
    with writing(path):
        names = {name for (name,) in rows(path, "SELECT name FROM sqlite_schema")}
        assert names >= {"quote", "feed", "comparison", "event"}
        assert names >= {"latest", "stale", "worst_differences"}
        assert rows(path, "PRAGMA user_version") == [(VERSION,)]
        assert rows(path, "PRAGMA application_id") == [(damage.APPLICATION_ID,)]
        assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_schema_that_fails_half_way_leaves_an_empty_file(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "schema.sql"
    broken.write_text(SCHEMA.read_text("utf-8") + "\nCREATE TABLE quote (again);\n")
    monkeypatch.setattr(upgrades, "SCHEMA", broken)
    with pytest.raises(StoreError, match="already exists"):
        Writer(path, feed_of())
    assert rows(path, "SELECT name FROM sqlite_schema") == []
    assert rows(path, "PRAGMA user_version") == [(0,)]
    monkeypatch.undo()
    with writing(path) as writer:
        assert writer.symbols("binance") == []


def test_an_older_schema_is_upgraded_step_by_step(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    steps = {
        VERSION: "CREATE TABLE extra (a TEXT) STRICT",
        VERSION + 1: "ALTER TABLE extra ADD COLUMN b TEXT; INSERT INTO extra VALUES ('x', 'y')",
    }
    monkeypatch.setattr(upgrades, "VERSION", VERSION + 2)
    monkeypatch.setattr(upgrades, "UPGRADES", steps)
    for _ in range(2):
        with writing(path) as writer:
            assert writer.symbols("binance") == ["BTCUSDT"]
        assert rows(path, "SELECT a, b FROM extra") == [("x", "y")]
        assert rows(path, "PRAGMA user_version") == [(VERSION + 2,)]


def test_an_upgrade_that_fails_leaves_the_old_version(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    steps = {
        VERSION: "CREATE TABLE extra (a TEXT)",
        VERSION + 1: "DELETE FROM quote; DROP TABLE no_such_table",
    }
    monkeypatch.setattr(upgrades, "VERSION", VERSION + 2)
    monkeypatch.setattr(upgrades, "UPGRADES", steps)
    with pytest.raises(StoreError, match="no_such_table"):
        Writer(path, feed_of())
    assert rows(path, "PRAGMA user_version") == [(VERSION,)]
    assert rows(path, "SELECT name FROM sqlite_schema WHERE name = 'extra'") == []
    monkeypatch.undo()
    with writing(path) as writer:
        assert writer.symbols("binance") == ["BTCUSDT"]


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
    assert rows(path, "PRAGMA user_version") == [(upgrades.VERSION,)]


def version_2(path: Path) -> None:
    """A database as version 2 left it, with what a user has added to it."""
    version_1(path)
    with closing(apsw.Connection(str(path))) as old:
        old.execute(upgrades.UPGRADES[1])
        old.execute("PRAGMA user_version = 2")


def bare(sql: str) -> Counter[str]:
    """The words of a table's definition without its comments, in any order: a column that was
    added later stands after the key."""
    return Counter(re.findall(r"\w+|[<>=]+", re.sub(r"--.*", "", sql)))


def test_version_2_is_upgraded_with_what_its_user_has_added(path: Path) -> None:
    version_2(path)
    insert = (
        "INSERT INTO comparison (compared_at, source, exchange, symbol, field, outcome)"
        " VALUES (1, 'x', 'binance', 'BTCUSDT', ?, 'match')"
    )
    with closing(apsw.Connection(str(path))) as old:
        old.execute(insert, ("mark_price",))
        old.execute(
            "ALTER TABLE comparison ADD COLUMN note TEXT; UPDATE comparison SET note = 'mine';"
            "CREATE TABLE log (a); CREATE INDEX mine ON comparison (note);"
            "CREATE TRIGGER logged AFTER INSERT ON comparison BEGIN"
            " INSERT INTO log VALUES (new.field); END;"
            "CREATE VIEW oldest AS SELECT * FROM latest ORDER BY age_seconds DESC"
        )
    with closing(open_writer(path)) as upgraded:
        upgraded.execute(insert, ("index_price",))
        with pytest.raises(apsw.ConstraintError):
            upgraded.execute(insert, ("no such field",))
    assert rows(path, "SELECT field, note FROM comparison ORDER BY id") == [
        ("mark_price", "mine"),
        ("index_price", None),
    ]
    assert rows(path, "SELECT a FROM log") == [("index_price",)]
    assert rows(path, "SELECT duration_seconds, count FROM event LIMIT 1") == [(None, 1)]
    assert rows(path, "SELECT * FROM oldest") == []
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def version_3(path: Path) -> None:
    """A database as version 3 left it, with a contract and a quote."""
    version_2(path)
    with closing(apsw.Connection(str(path))) as old:
        old.execute(upgrades.UPGRADES[2])
        old.execute("PRAGMA user_version = 3")
        old.execute(
            "INSERT INTO quote (exchange, symbol, mark_price, index_price, event_time, updated_at)"
            " VALUES ('binance', 'BTCUSDT', 1.5, 1.25, 7, 8.0);"
            "INSERT INTO contract VALUES ('binance', 'BTCUSDT', 'TRADING', NULL, 'BTC', 'USDT',"
            " 1.0, NULL, 8, 'exchange', NULL, NULL, 9.0)"
        )


def test_version_4_knows_whose_reports_it_holds(path: Path) -> None:
    version_3(path)
    with closing(apsw.Connection(str(path))) as old:
        old.execute(upgrades.UPGRADES[3])
        old.execute("PRAGMA user_version = 4")
        old.execute(
            "INSERT INTO validation (at, verdict, since, until, report) VALUES"
            " (1, 'GO', 0, 1, '{}'), (2, 'NO-GO', 0, 2, '{\"exchange\": \"kucoin\"}')"
        )
    with closing(open_writer(path)):
        found = rows(path, "SELECT at, exchange FROM validation ORDER BY at")
        assert found == [(1.0, "binance"), (2.0, "kucoin")]


def test_signals_of_before_version_6_have_no_event_time(path: Path) -> None:
    version_3(path)
    with closing(apsw.Connection(str(path))) as old:
        for version in (3, 4):
            old.execute(upgrades.UPGRADES[version])
        old.execute("PRAGMA user_version = 5")
        old.execute(
            "INSERT INTO signal (at, exchange, symbol, kind, direction, detail)"
            " VALUES (1, 'binance', 'BTCUSDT', 'move', 'up', 'words')"
        )
    with closing(open_writer(path)):
        found = rows(path, "SELECT at, symbol, detail, event_time FROM signal")
        assert found == [(1.0, "BTCUSDT", "words", None)]


def test_version_3_keeps_its_quotes_and_contracts(path: Path) -> None:
    version_3(path)
    with closing(open_writer(path)) as upgraded:
        upgraded.execute("UPDATE quote SET source = 'rest', zone = 'high', percentile = 100")
        for wrong in ("source = 'ticker'", "zone = 'odd'", "percentile = 101"):
            with pytest.raises(apsw.ConstraintError):
                upgraded.execute(f"UPDATE quote SET {wrong}")
    assert rows(path, "SELECT symbol, mark_price, source, z_score FROM quote") == [
        ("BTCUSDT", 1.5, "rest", None)
    ]
    columns = "symbol, funding_interval_hours, listed_time, base_rate_hourly, interval_changed_at"
    assert rows(path, f"SELECT {columns} FROM contract") == [("BTCUSDT", 8, None, None, None)]


@pytest.mark.parametrize("older", [version_1, version_2, version_3])
def test_an_upgraded_database_has_the_tables_of_a_new_one(
    older: Callable[[Path], None], path: Path, tmp_path: Path
) -> None:
    older(path)
    new = tmp_path / "new.db"
    for each in (path, new):
        open_writer(each).close()
    columns = (
        "SELECT s.type, s.name, c.* FROM sqlite_schema s, pragma_table_xinfo(s.name) c"
        " ORDER BY s.name, c.cid"
    )
    assert rows(path, columns) == rows(new, columns)
    checks = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    assert [(name, bare(sql)) for name, sql in rows(path, checks)] == [
        (name, bare(sql)) for name, sql in rows(new, checks)
    ]
    views = "SELECT type, name FROM sqlite_schema ORDER BY type, name"
    assert rows(path, views) == rows(new, views)
    with closing(apsw.Connection(str(path))) as upgraded, pytest.raises(apsw.ConstraintError):
        upgraded.execute("INSERT INTO rest_ban VALUES ('c', 1.0, 1, 'x', 'no such kind')")


def test_a_second_newer_ingest_leaves_the_file_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock comes first: the older one goes on."""
    with writing(path) as first:
        before = contents(path.parent)
        monkeypatch.setattr(upgrades, "VERSION", VERSION + 1)
        monkeypatch.setattr(upgrades, "UPGRADES", {VERSION: "CREATE TABLE extra (a)"})
        with pytest.raises(StoreInUse):
            Writer(path, feed_of())
        with pytest.raises(StoreInUse):
            prepare(path, feed_of())
        assert contents(path.parent) == before
        monkeypatch.undo()
        assert first.write(feed_of(), received(quote())) == 1
    assert rows(path, "PRAGMA user_version") == [(VERSION,)]


@pytest.mark.parametrize("older", [version_1, version_2, version_3])
def test_only_ingest_upgrades(older: Callable[[Path], None], path: Path) -> None:
    """Everybody else says which program must run."""
    older(path)
    before = path.read_bytes()
    with closing(DurableConnection(path)) as store, reading(path) as reader:
        for use in (lambda: store.rows("SELECT 1"), reader.all, reader.feed):
            with pytest.raises(StoreOlder, match=r"version \d, .*: ingest of the same"):
                use()
        assert path.read_bytes() == before
        with writing(path):
            assert {quote.symbol for quote in reader.all()} <= {"BTCUSDT"}
            assert store.rows("SELECT 1") == [(1,)]
