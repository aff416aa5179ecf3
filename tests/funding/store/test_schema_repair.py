"""The file is its user's, too: what somebody has changed in its tables ends nothing."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding.errors import StoreError
from funding.store import schema_repair, upgrades
from funding.store.database import open_writer
from tests.support.clock import rows
from tests.support.store import feed_of, plainly, quote, reading, received, writing

SHAPES = """
SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'
    AND tbl_name NOT LIKE 'mine%' ORDER BY 1, 2
"""
COLUMNS = "SELECT name, type, \"notnull\", pk FROM pragma_table_info('{}') ORDER BY name"

HARMLESS = {
    "a table that nobody writes at once": "DROP TABLE comparison",
    "the audit trail": "DROP TABLE event",
    "the contracts": "DROP VIEW contracts; DROP TABLE contract",
    "a view": "DROP VIEW latest",
    "an index": "DROP INDEX event_at",
    "a column with a default": "ALTER TABLE event DROP COLUMN count",
    "columns": "ALTER TABLE quote DROP COLUMN next_funding_time;"
    " ALTER TABLE quote DROP COLUMN funding_step_hours",
    "a column that got another name": "ALTER TABLE feed RENAME COLUMN last_error TO mine",
    "a column of a large table": "ALTER TABLE comparison RENAME COLUMN outcome TO mine",
    "a column that every quote has": "ALTER TABLE quote RENAME COLUMN mark_price TO mine",
    "a column beside a view of the user's that is broken": "CREATE VIEW mine AS"
    " SELECT * FROM gone; ALTER TABLE quote RENAME TO mine2; CREATE TABLE quote (exchange, symbol)",
}


def change(path: Path, script: str) -> None:
    with closing(plainly(path)) as person:
        person.pragma("legacy_alter_table", True)
        for view in rows(path, "SELECT name FROM sqlite_schema WHERE type = 'view'"):
            if "ALTER" in script:
                person.execute(f"DROP VIEW {view[0]}")
        person.execute(script)


def shape(path: Path) -> Sequence[Any]:
    return [
        (kind, name, rows(path, COLUMNS.format(name)) if kind == "table" else table)
        for kind, name, table in rows(path, SHAPES)
    ]


@pytest.mark.parametrize("script", HARMLESS.values(), ids=HARMLESS)
def test_ingest_begins_again_with_what_is_missing(script: str, path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    wanted = shape(path)
    change(path, script)
    with writing(path, feed_of()) as writer, reading(path) as reader:
        assert writer.set_aside is None
        writer.write(feed_of(), received(quote("ETHUSDT")))
        assert reader.one("ETHUSDT") is not None
    found = shape(path)
    names = [(kind, name) for kind, name, _ in wanted]
    ours = [each for each in found if each[:2] in names]
    if "mine" not in script:
        assert ours == wanted
    assert [each[:2] for each in ours] == names
    with closing(open_writer(path)) as connection:
        assert schema_repair.is_whole(connection)
        assert schema_repair.repair(connection) == []


def test_table_that_lost_a_column_is_renamed_and_not_dropped(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    for aside in ("quote_aside", "quote_aside_2"):
        change(path, "ALTER TABLE quote RENAME COLUMN mark_price TO mine")
        with writing(path, feed) as writer:
            writer.write(feed, received(quote()))
        assert len(rows(path, f"SELECT mine FROM {aside}")) == 1
        assert len(rows(path, "SELECT mark_price FROM latest")) == 1


@pytest.mark.parametrize("script", HARMLESS.values(), ids=HARMLESS)
def test_running_ingest_makes_it_again(script: str, path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
        change(path, script)
        writer.checkpoint()
        assert writer.write(feed, received(quote("ETHUSDT"))) == 1
        writer.prune_events(0.0)


@pytest.mark.parametrize("version", range(upgrades.VERSION))
def test_version_that_was_set_back_is_set_again(version: int, path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
        wanted = shape(path)
        change(path, f"PRAGMA user_version = {version}")
        writer.checkpoint()
        assert rows(path, "PRAGMA user_version") == [(upgrades.VERSION,)]
        assert writer.write(feed, received(quote("ETHUSDT"))) == 1
    change(path, f"PRAGMA user_version = {version}")
    with writing(path, feed_of()) as writer:
        assert writer.set_aside is None
        assert writer.symbols("binance") == ["BTCUSDT", "ETHUSDT"]
    assert rows(path, "PRAGMA user_version") == [(upgrades.VERSION,)]
    assert shape(path) == wanted


def test_version_that_was_raised_does_not_end_ingest(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
        change(path, f"PRAGMA user_version = {upgrades.VERSION + 7}")
        for _ in range(3):
            writer.checkpoint()
            writer.write(feed, received(quote("ETHUSDT")))
        assert rows(path, "PRAGMA user_version") == [(upgrades.VERSION + 7,)], "it may be true"
    assert caplog.text.count("the next start of ingest will refuse it") == 1


def test_step_passes_over_what_a_user_has_made_already(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next version may want a name that somebody uses."""
    with writing(path):
        pass
    change(path, "CREATE TABLE mine_too (a); ALTER TABLE event ADD COLUMN note TEXT")
    step = """
CREATE TABLE mine_too (a TEXT, b TEXT); -- a remark; with a semicolon
ALTER TABLE event ADD COLUMN note TEXT;
INSERT INTO event (at, source, kind, detail, note) VALUES (1.0, 'x', 'notice', 'a;b', 'c');
"""
    monkeypatch.setattr(upgrades, "VERSION", upgrades.VERSION + 1)
    monkeypatch.setattr(upgrades, "UPGRADES", {upgrades.VERSION - 1: step})
    with writing(path):
        assert rows(path, "SELECT detail, note FROM event WHERE kind = 'notice'") == [("a;b", "c")]
    with closing(apsw.Connection(":memory:")) as other, pytest.raises(apsw.SQLError):
        schema_repair.run_each(other, "CREATE TABLE a (b); DROP TABLE nothing;")


def test_trigger_that_refuses_is_named(path: Path) -> None:
    feed = feed_of()
    with writing(path, feed) as writer:
        trigger = "CREATE TRIGGER mine BEFORE INSERT ON quote BEGIN {} END"
        change(path, trigger.format("SELECT raise(ABORT, 'by me');"))
        with pytest.raises(StoreError, match=r"a trigger or a constraint .*by me"):
            writer.write(feed, received(quote()))
        change(path, "DROP TRIGGER mine; CREATE TABLE mine (symbol)")
        change(path, trigger.format("INSERT INTO mine VALUES (new.symbol);"))
        assert writer.write(feed, received(quote())) == 1
    assert rows(path, "SELECT symbol FROM mine") == [("BTCUSDT",)]
