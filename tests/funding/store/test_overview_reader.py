"""What the last day was like, as readers see it."""

from contextlib import closing
from pathlib import Path

import pytest

from funding.model.event import Event, EventKind
from funding.store import overview_reader
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.overview_reader import Ended, Minutes, Started
from funding.store.reader import Reader
from tests.support.store import plainly

DAY = 86_400.0
NOW = 1_000_000.0


def execute(path: Path, *statements: str) -> None:
    with closing(plainly(path)) as connection:
        for statement in statements:
            connection.execute(statement)


def bars(path: Path, *starts: float, quotes: int = 60, exchange: str = "binance") -> None:
    for start in starts:
        execute(
            path,
            f"INSERT INTO bar VALUES ('{exchange}', 'BTCUSDT', 60, {start}, 1, 1, 1, 1, 1, 1,"
            f" {quotes})",
        )


def test_nothing_was_observed_yet(reader: Reader) -> None:
    assert overview_reader.observed(reader, DAY) is None
    assert overview_reader.minutes(reader, 0.0, NOW) == (0, 0)
    assert overview_reader.starts(reader) == []


def test_what_the_watchdog_saw_within_the_time(path: Path, reader: Reader) -> None:
    with closing(DurableConnection(path)) as store:
        Events(store).save(
            [
                Event(NOW - 3 * DAY, "ingest", EventKind.START, ""),
                Event(NOW - DAY - 50, "w", EventKind.UNHEALTHY, "", None, "data", 60.0),
                Event(NOW - 700, "w", EventKind.UNHEALTHY, "", None, "api", 5.0),
                Event(NOW - 600, "w", EventKind.UNOBSERVED, "", None, None, 100.0),
                Event(NOW - 20, "w", EventKind.UNHEALTHY, "", None, "data"),
            ],
            [],
            "watchdog",
            NOW,
        )
    assert overview_reader.observed(reader, DAY) == (NOW - DAY, NOW, 100.0, 30.0, 5.0)
    whole = overview_reader.observed(reader, 9 * DAY)
    assert whole is not None
    assert whole.since == NOW - 3 * DAY


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (0.0, 1_200.0, Minutes(10, 3)),
        (650.0, 1_200.0, Minutes(9, 2)),
        (0.0, 901.0, Minutes(6, 3)),
        (0.0, 600.0, Minutes(0, 0)),
    ],
)
def test_minutes_with_quotes_from_the_first_bar_on(
    path: Path, reader: Reader, since: float, until: float, found: Minutes
) -> None:
    bars(path, 600, 660, 900)
    bars(path, 720, quotes=0)
    bars(path, 780, exchange="kucoin")
    assert overview_reader.minutes(reader, since, until) == found


def test_an_outage_that_began_before_the_time_counts(path: Path, reader: Reader) -> None:
    bars(path, 60, 1_140)
    assert overview_reader.minutes(reader, 600.0, 1_200.0) == (10, 1)


def test_the_last_start_of_each_program_and_how_it_ended(path: Path, reader: Reader) -> None:
    started, name = EventKind.START, "funding:ingest"
    with closing(DurableConnection(path)) as store:
        Events(store).add(
            [
                Event(1.0, name, started, "", name),
                Event(2.0, "watchdog", EventKind.RESTART, "why", name, "silent"),
                Event(3.0, name, started, "", name),
                Event(4.0, "api:api_00", started, "", "api:api_00"),
                Event(5.0, "ingest", started, "the program's own"),
            ]
        )
    assert overview_reader.starts(reader) == [
        (Started("api:api_00", 4.0), None),
        (Started(name, 3.0), Ended(2.0, "restart", "silent", "why")),
    ]


def test_what_was_saved_today(path: Path, reader: Reader) -> None:
    minute = int(NOW // 60)
    execute(
        path,
        f"INSERT INTO rest_usage VALUES ({minute}, 'c', 'premiumIndex', 2, 20, 'binance'),"
        f" ({minute + 9}, 'c', 'exchangeInfo', 1, 1, 'binance'),"
        f" ({minute - 1440}, 'c', 'premiumIndex', 2, 20, 'binance')",
    )
    (found,) = overview_reader.saved(reader, NOW)
    assert found == ("1970-01-12", "binance", 3, 21, 2 - 2, 2 - 20)
