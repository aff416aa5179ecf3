"""No acknowledged comparison is lost, except on purpose."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from harness.processes import ROOT
from harness.soak.audit import Audit, acknowledged, contradictions, filled_in


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


def told(path: Path, *signals: tuple[str, str, float]) -> list[str]:
    """What is found where these zones were told: symbol, zone and Z-score."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM signal")
        database.executemany(
            "INSERT INTO signal (at, exchange, symbol, kind, zone, direction, z_score, detail)"
            " VALUES (5, 'binance', ?, 'zone', ?, 'up', ?, 'words')",
            signals,
        )
        database.commit()
    return contradictions(path, 5.0)


def test_one_crossing_is_one_signal(audit: Audit) -> None:
    high, extreme, normal = ("A", "high", 2.5), ("A", "extreme", 3.5), ("A", "normal", 0.1)
    assert told(audit.database, high, extreme, high, normal, high, ("B", "high", 2.5)) == []
    assert told(audit.database, high, ("A", "high", -2.5), normal) == [], "on the other side"
    assert told(audit.database, high, ("*", "normal", 0.0), high) == [], "it was in the storm"
    assert told(audit.database, high, high) == ["A crossed twice: words"]
    assert told(audit.database, normal, ("A", "normal", -0.1)) == ["A crossed twice: words"]


def test_a_rate_settles_once(audit: Audit) -> None:
    add = (
        "INSERT INTO funding_rate (exchange, symbol, funding_time, rate_type, rate, source)"
        " VALUES ('binance', 'A', ?, ?, 0.1, 'rest')"
    )
    with closing(sqlite3.connect(audit.database)) as database:
        for row in ((3_600_000, "Regular"), (7_200_003, "Regular"), (7_200_003, "Special")):
            database.execute(add, row)
        database.commit()
        assert contradictions(audit.database, 0.0) == []
        database.execute(add, (7_200_000, "Regular"))
        database.commit()
    assert contradictions(audit.database, 0.0) == ["A settled twice at 7200000"]
    audit.check()
    assert (audit.told, len(audit.contradictions)) == ((4, 0), 1)


def test_what_is_left_of_rest_is_found(audit: Audit) -> None:
    with closing(sqlite3.connect(audit.database)) as database:
        for symbol, source in (("A", "rest"), ("B", "websocket")):
            database.execute(
                "INSERT INTO quote (exchange, symbol, mark_price, index_price, event_time,"
                " updated_at, source) VALUES ('binance', ?, 1, 1, 1, 1, ?)",
                (symbol, source),
            )
            database.execute(
                "INSERT INTO contract (exchange, symbol, status, base_asset, quote_asset,"
                " multiplier, checked_at) VALUES ('binance', ?, 'TRADING', ?, 'USDT', 1, 1)",
                (symbol, symbol),
            )
        database.commit()
    assert filled_in(audit.database) == ["A is still of REST"]
