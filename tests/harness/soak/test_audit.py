"""No acknowledged comparison is lost, except on purpose."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from harness.processes import ROOT
from harness.soak.audit import Audit, acknowledged


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Nine acknowledged comparisons, one refused, all of the nine stored."""
    lines = [f"{number} {'+' if number != 4 else 'StoreLocked'} {number}.0" for number in range(10)]
    (tmp_path / "acknowledged").write_text("\n".join(lines) + "\n")
    store(tmp_path / "funding.db", set(range(10)) - {4})
    return Audit(tmp_path / "funding.db", tmp_path / "acknowledged")


def store(path: Path, numbers: set[int]) -> None:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript((ROOT / "schema.sql").read_text())
        database.executemany(
            "INSERT INTO comparison (compared_at, source, exchange, symbol, field, outcome,"
            " rest_time) VALUES (1, 'soak', 'binance', 'X', 'mark_price', 'match', ?)",
            [(number,) for number in sorted(numbers)],
        )
        database.commit()


def test_all_that_was_acknowledged_is_there(audit: Audit) -> None:
    audit.check()
    assert (audit.missing, len(audit.asked), audit.checks) == ([], 9, ["ok"])
    assert 4 not in acknowledged(audit.file)


def test_a_lost_comparison_is_found(audit: Audit) -> None:
    store(audit.database, set(range(8)))
    audit.check()
    assert audit.missing == [8, 9]


def test_what_went_with_a_destroyed_database_is_excused_and_counted(audit: Audit) -> None:
    audit.check()
    store(audit.database, {8, 9})
    audit.database_replaced(7.5)
    audit.check()
    assert (audit.missing, audit.excused()) == ([], 7)
    store(audit.database, {8})
    audit.check()
    assert audit.missing == [9]


def test_what_can_be_read_of_a_set_aside_database_must_be_copied(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.soak.audit._SALVAGE_SECONDS", 0.1)
    audit.database.rename(audit.database.with_name("funding-damaged-20260101T000000Z.db"))
    store(audit.database, {1, 2})
    audit.database_replaced(9.5)
    audit.check()
    assert audit.unsalvaged == [0, 3, 5, 6, 7, 8, 9]
    assert (audit.salvaged, audit.missing) == (2, [])
