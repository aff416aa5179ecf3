"""Quotes read by sqlite3, compared with what was sent."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from harness.soak.database_reader import Reader, gather
from tests.harness.soak.worlds import NOW_MS, ORACLE, SENT, served

Told = list[tuple[str, str]]


def reader_of(path: Path) -> tuple[Reader, Told]:
    told: Told = []
    return Reader(path, ORACLE, lambda kind, detail: told.append((kind, detail))), told


def test_right_quotes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    row = served(at=SENT - 365 * 86_400_000)
    names = ("symbol", "eventTime", "markPrice", "indexPrice", "fundingRate", "nextFundingTime")
    with closing(sqlite3.connect(path)) as database:
        columns = "symbol, event_time, mark_price, index_price, funding_rate, next_funding_time"
        database.execute(f"CREATE TABLE quote ({columns})")
        for view in ("latest", "stale", "worst_differences"):
            database.execute(f"CREATE VIEW {view} AS SELECT * FROM quote")
        database.execute("INSERT INTO quote VALUES (?, ?, ?, ?, ?, ?)", [row[n] for n in names])
        database.commit()
    reader, told = reader_of(path)
    assert reader.look() == 1
    assert told == []


def test_a_wrong_quote_and_one_from_before_are_found(tmp_path: Path) -> None:
    reader, told = reader_of(tmp_path / "funding.db")
    reader.check(served(), NOW_MS)
    assert told == []
    reader.check(served(at=SENT - 200), NOW_MS)
    assert [kind for kind, _ in told] == ["back"]
    reader.check(served(markPrice=2.0), NOW_MS)
    assert [kind for kind, _ in told] == ["back", "wrong"]


def test_a_database_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    reader, told = reader_of(tmp_path / "funding.db")
    assert reader.look() == 0
    assert told[0][0] == "failed"


@pytest.mark.parametrize("kind", ["wrong", "back"])
def test_a_file_of_findings_is_gathered(tmp_path: Path, kind: str) -> None:
    found = [("read", "7"), ("failed", "locked"), (kind, "BTCUSDT"), ("read", "2")]
    lines = [json.dumps({"at": 1.5, "kind": each, "detail": detail}) for each, detail in found]
    (tmp_path / "found").write_text("\n".join(lines))
    read, failed, wrong = gather(tmp_path / "found")
    assert read == 9
    assert [(each.kind, each.detail, each.began) for each in failed] == [("failed", "locked", 1.5)]
    assert wrong == [f"sqlite3: {kind}: BTCUSDT"]
