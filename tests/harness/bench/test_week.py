"""The rows of a week, written in minutes."""

from pathlib import Path

from harness.bench.week import fill, tables


def test_a_day_has_the_rows_that_the_programs_write(tmp_path: Path) -> None:
    path = tmp_path / "funding.db"
    ((day, size),) = fill(path, 2, 1)
    assert day == 1
    assert size > 0
    rows = {name: count for name, count, _ in tables(path, least_bytes=0)}
    minutes = 24 * 60
    assert rows["bar"] == 2 * (minutes + 24)
    assert rows["comparison"] == 3 * (minutes + 2 * 24 * 6)
    assert rows["funding_rate"] == 6 + 3
