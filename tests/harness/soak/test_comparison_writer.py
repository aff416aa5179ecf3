"""The writer of comparisons, as a process."""

import signal
import sqlite3
from contextlib import closing
from itertools import islice
from pathlib import Path

from harness.processes import ROOT, module, running, stop, until
from harness.soak.audit import acknowledged, refused, stored
from harness.soak.comparison_writer import numbers


def test_numbers_go_on_where_the_last_writer_ended(tmp_path: Path) -> None:
    path = tmp_path / "acknowledged"
    assert list(islice(numbers(path), 2)) == [1, 2]
    path.write_text("1 + 1.0\n2 StoreLocked 2.0\n")
    assert list(islice(numbers(path), 2)) == [3, 4]


def test_what_is_acknowledged_is_stored(tmp_path: Path) -> None:
    path, file = tmp_path / "funding.db", tmp_path / "acknowledged"
    command = module("harness.soak.comparison_writer", path, file)
    with running(command, tmp_path / "log") as process:
        until(lambda: file.exists() and refused(file) > 0, "refused while there is no database")
        with closing(sqlite3.connect(path)) as database:
            database.executescript((ROOT / "schema.sql").read_text())
        until(lambda: len(acknowledged(file)) > 1, "acknowledged")
        assert stop(process, signal.SIGTERM) == 0
    assert set(acknowledged(file)) == stored(path)
