"""Bars as values."""

from funding.model.bar import HOUR, MINUTE, PERIODS, Bar


def test_minutes_fold_into_hours() -> None:
    assert HOUR % MINUTE == 0
    assert PERIODS == (60, 3_600)


def test_its_fields_are_the_columns() -> None:
    assert Bar._fields[:4] == ("exchange", "symbol", "period", "start")
