"""Is each table and column of schema.sql in the file? What somebody has removed is made again.

The file is its user's, too: tables and columns that are not ours stay, and a table of ours in which
a column cannot be made again is renamed, not dropped.

# Facts
(SQLite 3.54.1, each seen happening)
- `ALTER TABLE … ADD COLUMN` takes no column that is NOT NULL without a default, or in a key.
- `ALTER TABLE … RENAME` fails where any view names what is not there, unless `legacy_alter_table`
  is on. An index keeps its name, which the new table's index needs.
- `PRAGMA schema_version` changes with each statement that changes a table, a view or an index.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import apsw

SCHEMA = Path(__file__).resolve().parent.parent.parent / "schema.sql"
_THERE_ALREADY = ("duplicate column name", "already exists")
_OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL"


class _Column(NamedTuple):
    """A column as `PRAGMA table_info` describes it."""

    name: str
    type: str
    not_null: int
    default: str | None
    key: int

    @property
    def can_be_added(self) -> bool:
        """Whether a table that has rows can get it."""
        return not self.key and (not self.not_null or self.default is not None)

    @property
    def definition(self) -> str:
        """Its text for `ADD COLUMN`."""
        constraint = " NOT NULL" if self.not_null else ""
        default = "" if self.default is None else f" DEFAULT {self.default}"
        return f'"{self.name}" {self.type}{constraint}{default}'


class _Object(NamedTuple):
    """A table, index or view of schema.sql."""

    type: str
    name: str
    table: str
    sql: str
    columns: list[_Column]


def run_each(connection: apsw.Connection, script: str) -> None:
    """Run the statements of an upgrade, except those whose table or column is there already: a user
    may have made one of that name, or set the version back."""
    for statement in _statements(script):
        try:
            connection.execute(statement)
        except apsw.SQLError as error:
            if not any(words in str(error) for words in _THERE_ALREADY):
                raise


def is_whole(connection: apsw.Connection) -> bool:
    """Whether nothing is missing."""
    return not _missing(connection, _wanted())


def repair(connection: apsw.Connection) -> list[str]:
    """Within a transaction: make what is missing; what was done, in words."""
    wanted = _wanted()
    if not _missing(connection, wanted):
        return []
    connection.pragma("legacy_alter_table", True)
    there = _there(connection)
    for each in wanted:
        if each.type == "view" and there.get(each.name) == "view":
            connection.execute(f"DROP VIEW {each.name}")
    done = []
    for each in wanted:
        if each.type == "table" and there.get(each.name) == "table":
            done += _repair_table(connection, each, wanted)
    return done + _make_missing(connection, wanted)


def _wanted() -> list[_Object]:
    """What schema.sql makes: tables, then indexes, then views."""
    with closing(apsw.Connection(":memory:")) as model:
        model.execute(SCHEMA.read_text("utf-8"))
        rows: list[Any] = model.execute(_OBJECTS).fetchall()
        found = [
            _Object(kind, name, table, sql, _columns(model, name) if kind == "table" else [])
            for kind, name, table, sql in rows
        ]
    return sorted(found, key=lambda each: ("table", "index", "view").index(each.type))


def _missing(connection: apsw.Connection, wanted: list[_Object]) -> bool:
    there = _there(connection)
    return any(
        each.name not in there or (each.type == "table" and _lacking(connection, each))
        for each in wanted
    )


def _make_missing(connection: apsw.Connection, wanted: list[_Object]) -> list[str]:
    there = _there(connection)
    missing = [each for each in wanted if each.name not in there]
    for each in missing:
        connection.execute(each.sql)
    # The views were made again by `repair`, with whatever they read.
    return [
        f"{each.type} {each.name} was not there: it is made"
        for each in missing
        if each.type != "view"
    ]


def _repair_table(connection: apsw.Connection, table: _Object, wanted: list[_Object]) -> list[str]:
    name, lacking = table.name, _lacking(connection, table)
    if all(column.can_be_added for column in lacking):
        for column in lacking:
            connection.execute(f"ALTER TABLE {name} ADD COLUMN {column.definition}")
        return [f"table {name} had no column {column.name}: it is added" for column in lacking]
    for each in wanted:
        if each.type == "index" and each.table == name:
            connection.execute(f"DROP INDEX IF EXISTS {each.name}")
    there, number, aside = _there(connection), 1, f"{name}_aside"
    while aside in there:
        number += 1
        aside = f"{name}_aside_{number}"
    connection.execute(f"ALTER TABLE {name} RENAME TO {aside}")
    names = ", ".join(column.name for column in lacking)
    return [f"table {name} had no column {names}: it is now {aside}"]


def _lacking(connection: apsw.Connection, table: _Object) -> list[_Column]:
    found = {column.name.lower() for column in _columns(connection, table.name)}
    return [column for column in table.columns if column.name not in found]


def _there(connection: apsw.Connection) -> dict[str, str]:
    """The type of each table, index and view of the file by its name, which has no case."""
    rows = connection.execute("SELECT lower(name), type FROM sqlite_schema").fetchall()
    return {str(name): str(kind) for name, kind in rows}


def _columns(connection: apsw.Connection, table: str) -> list[_Column]:
    rows: list[Any] = connection.execute(
        'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', (table,)
    ).fetchall()
    return [_Column(*row) for row in rows]


def _statements(script: str) -> Iterator[str]:
    text = ""
    for part in script.split(";"):
        text += f"{part};"
        if apsw.complete(text):
            yield text
            text = ""
