"""The database of the report: damaged in its values, its schema and its bytes."""

import contextlib
import io
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from harness.fuzz.damaged_input import NUMBERS, TEXTS
from scripts import validate_report
from tests.support.report_world import END, HOUR, build

UNUSABLE = (sqlite3.Error, UnicodeDecodeError)
TABLES = ("comparison", "event", "quote", "feed", "rest_usage", "validation")
VALUES = (
    *("NULL", "1e308", "-1e308", "9e999", "-9e999", "9223372036854775807", "-9223372036854775808"),
    *("x''", "x'ff'", "x'00'", "zeroblob(100000)", "'2026-01-01'", "''", "'binance'", "'control'"),
    *("0", "-1", "0.5", "1e-320", "char(0)", "CAST(x'ff' AS TEXT)", "CAST(x'eda080' AS TEXT)"),
    *(f"'{text}'" for text in (*NUMBERS, *TEXTS) if "'" not in text and "\x00" not in text),
)
_sql = st.one_of(
    st.tuples(
        st.just("set"),
        st.sampled_from(TABLES),
        st.integers(0, 12),
        st.sampled_from(VALUES),
        st.sampled_from(("1", "rowid % 7 = 3", "rowid = 2", "rowid % 2", "rowid > 40")),
    ),
    st.tuples(st.just("drop"), st.sampled_from(TABLES)),
    st.tuples(st.just("view"), st.sampled_from(TABLES), st.sampled_from(TABLES)),
    st.tuples(st.just("rename"), st.sampled_from(TABLES), st.integers(0, 12)),
    st.tuples(
        st.just("schema"), st.sampled_from(TABLES), st.sampled_from(("ff", "00", "28", "2c"))
    ),
    st.tuples(st.just("mark"), st.sampled_from((0, 1, -1, 0x46554E44))),
)
_bytes = st.tuples(
    st.just("bytes"), st.integers(0, 2**31), st.sampled_from((1, 8, 100, 4_096)), st.booleans()
)
_cut = st.tuples(st.just("cut"), st.floats(0, 1))
databases = st.tuples(
    st.lists(st.one_of(_sql, _sql, _sql, _bytes, _cut), min_size=1, max_size=4),
    st.sampled_from(("json", "text", "html")),
    st.sampled_from(("24h", "2h", "90m", "2026-09-21T00:00:00Z", "0s", "999999d", "1970-01-01")),
    st.booleans(),
)
Case = tuple[list[tuple[Any, ...]], str, str, bool]


@contextmanager
def world() -> Iterator[Callable[[Case], None]]:
    """Two hours of comparisons, in tables that take any value: never enough for a GO."""
    with tempfile.TemporaryDirectory() as folder:
        whole, path, out = (Path(folder) / name for name in ("whole.db", "any.db", "out"))
        build(whole, many=4, seconds=2 * HOUR)
        _loosen(whole)
        template = whole.read_bytes()

        def check(case: Case) -> None:
            damage, form, since, stores = case
            path.write_bytes(template)
            for each in damage:
                _damage(path, *each)
            arguments = ["--db", str(path), "--format", form, "--since", since, "--out", str(out)]
            errors, printed = io.StringIO(), io.StringIO()
            with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(printed):
                code = validate_report.main(
                    arguments if stores else [*arguments, "--no-store"], clock=lambda: END
                )
            assert code in (1, 2), f"exit {code}"
            assert "Traceback" not in errors.getvalue()
            if code == 2:
                assert errors.getvalue().startswith("no report: ")

        yield check


def _loosen(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (view,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'view'"
        ).fetchall():
            connection.execute(f"DROP VIEW {view}")
        for table in TABLES:
            connection.execute(f"CREATE TABLE loose AS SELECT * FROM {table}")
            connection.execute(f"DROP TABLE {table}")
            connection.execute(f"ALTER TABLE loose RENAME TO {table}")
        connection.execute("VACUUM")


def _damage(path: Path, what: str, *how: Any) -> None:
    if what == "bytes":
        _scribble(path, *how)
    elif what == "cut":
        with path.open("r+b") as file:
            file.truncate(int(path.stat().st_size * how[0]))
    else:
        statement = _statement(path, what, *how)
        with (
            contextlib.suppress(*UNUSABLE),  # damaged before, it may refuse the change
            closing(sqlite3.connect(path, isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA journal_mode=MEMORY")
            for each in statement:
                connection.execute(each)


def _statement(path: Path, what: str, *how: Any) -> list[str]:
    if what == "drop":
        return [f"DROP TABLE {how[0]}"]
    if what == "view":
        return [f"DROP TABLE {how[0]}", f"CREATE VIEW {how[0]} AS SELECT * FROM {how[1]}"]
    if what == "schema":
        replaced = f"replace(sql, ' ', CAST(x'{how[1]}' AS TEXT))"
        update = f"UPDATE sqlite_schema SET sql = {replaced} WHERE name = '{how[0]}'"
        return ["PRAGMA writable_schema = ON", update]
    if what == "mark":
        return [f"PRAGMA application_id = {how[0]}"]
    with contextlib.suppress(*UNUSABLE), closing(sqlite3.connect(path)) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({how[0]})")]
        column = columns[how[1] % len(columns)] if columns else "x"
        if what == "rename":
            return [f"ALTER TABLE {how[0]} RENAME COLUMN {column} TO other"]
        return [f"UPDATE {how[0]} SET {column} = {how[2]} WHERE {how[3]}"]
    return []


def _scribble(path: Path, seed: int, size: int, at_the_head: bool) -> None:
    draw, end = random.Random(seed), path.stat().st_size
    with path.open("r+b") as file:
        file.seek(draw.randrange(min(end, 100) or 1) if at_the_head else draw.randrange(end or 1))
        file.write(draw.randbytes(size) if draw.random() < 0.7 else bytes(size))
