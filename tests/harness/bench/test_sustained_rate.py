"""When ingest has fallen behind its source."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from harness.bench.sustained_rate import _judged
from harness.processes import WAIT_SECONDS

SENT = {"rows": 1000, "event_time": 50, "late_seconds": 0.0, "elapsed": 2.0, "cpu": 0.5}


@pytest.mark.parametrize(
    ("accepted", "changes", "words"),
    [
        (1000, {}, ""),
        (960, {}, ""),
        (900, {}, "10.0% of the rows were replaced"),
        (1000, {"late_seconds": 0.3}, "0.30 s behind (source 50%, ingest 25% of a core"),
    ],
)
def test_what_is_said_of_a_source(
    tmp_path: Path, accepted: int, changes: dict[str, float], words: str
) -> None:
    path = tmp_path / "funding.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE feed (accepted, last_event_time)")
        database.execute("INSERT INTO feed VALUES (?, 50)", (accepted,))
        database.commit()
    told = _judged(path, SENT | changes, time.monotonic() + WAIT_SECONDS, 0.5)
    assert told.startswith(words)
    assert bool(told) == bool(words)
