"""Recorded periods: how long the service was not fit, and how long nobody looked."""

import sqlite3
from contextlib import closing

import pytest

from validation.exchanges import EXCHANGES
from validation.read.availability import Availability, Rule, availability_of
from validation.read.period import Period

Event = tuple[float, str, str, str | None, float | None]
COLUMNS = "at, source, kind, rule, duration_seconds"


def availability(*events: Event, columns: str = COLUMNS, exchange: str = "binance") -> Availability:
    """Of a period from 1,000 to 2,000."""
    period = Period(900, 2_000, 1_000, 1_990, [], 0, [], 0, 0, 2_000)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE event (id INTEGER PRIMARY KEY, program, {columns})")
        if events:
            connection.executemany(f"INSERT INTO event ({COLUMNS}) VALUES (?, ?, ?, ?, ?)", events)
        return availability_of(connection, period, EXCHANGES[exchange])


@pytest.mark.parametrize(
    ("events", "down"),
    [
        ([], 0),
        ([(1_100, "watchdog", "unhealthy", "api", 50)], 50),
        ([(1_100, "watchdog", "unhealthy", "data", 50)], 0),
        ([(500, "watchdog", "unhealthy", "api", 600)], 100),
        ([(1_900, "watchdog", "unhealthy", "api", 600)], 100),
        ([(3_000, "watchdog", "unhealthy", "api", 600)], 0),
        ([(1_100, "w", "unhealthy", "api", 50), (1_120, "w", "unhealthy", "api", 60)], 80),
        ([(1_100, "watchdog", "unhealthy", "api", None)], 900),
        ([(1_100, "w", "unhealthy", "api", None), (1_200, "w", "recovered", "api", None)], 100),
        ([(1_100, "w", "unhealthy", "api", None), (1_200, "w", "recovered", "data", None)], 900),
        ([(1_100, "w", "unhealthy", "api", None), (1_200, "w", "unhealthy", "api", 10)], 110),
        ([(1_100, "w", "unhealthy", "api", None),
          (1_200, "funding:watchdog", "start", None, None)], 100),
        ([(1_100, "w", "unhealthy", "api", None), (1_200, "ingest", "start", None, None)], 900),
    ],
)  # fmt: skip
def test_unhealthy_periods_are_counted_once_and_within_the_period(
    events: list[Event], down: float
) -> None:
    found = availability(*events)
    assert (found.recorded, found.seconds) == (True, 1_000)
    assert found.down[Rule.API] == down
    assert found.share(Rule.API) == pytest.approx(1 - down / 1_000)


def test_time_that_nobody_observed_is_not_counted() -> None:
    found = availability(
        (1_000, "watchdog", "unobserved", None, 500), (1_600, "watchdog", "unhealthy", "data", 100)
    )
    assert found.unobserved == 500
    assert found.share(Rule.DATA) == pytest.approx(0.8)
    assert availability((900, "watchdog", "unobserved", None, 2_000)).share(Rule.DATA) == 0


def test_period_of_an_unknown_rule_is_one_without_data() -> None:
    assert availability((1_100, "watchdog", "unhealthy", None, 50)).down[Rule.DATA] == 50


@pytest.mark.parametrize(("exchange", "seconds"), [("binance", 50), ("kucoin", 70)])
def test_period_whose_rule_is_an_exchange_is_its_own(exchange: str, seconds: float) -> None:
    found = availability(
        (1_100, "watchdog", "unhealthy", "data", 50),
        (1_300, "watchdog", "unhealthy", "kucoin", 70),
        (1_500, "watchdog", "unhealthy", "backpack", 90),
        (1_700, "watchdog", "unhealthy", "api", 110),
        exchange=exchange,
    )
    assert (found.down[Rule.DATA], found.down[Rule.API]) == (seconds, 110)


def test_older_database_records_no_periods() -> None:
    found = availability(columns="at, source, kind, rule")
    assert not found.recorded
    assert found.share(Rule.DATA) == 0
