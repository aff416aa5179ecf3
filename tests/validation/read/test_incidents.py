"""validation/read/incidents.py: the rows of the audit trail."""

import sqlite3
from contextlib import closing

from validation.read.incidents import Incident, incidents_of
from validation.read.period import Period

PERIOD = Period(900, 2_000, 1_000, 1_990, [], 0, [], 0, 0, 2_000)


def incidents(columns: str, *rows: tuple[object, ...]) -> list[Incident]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE event (id INTEGER PRIMARY KEY, {columns})")
        marks = ", ".join("?" * len(columns.split(",")))
        connection.executemany(f"INSERT INTO event ({columns}) VALUES ({marks})", rows)
        return list(incidents_of(connection, PERIOD))


def test_rows_come_in_their_order_until_the_end_of_the_period() -> None:
    columns = "at, source, kind, detail, program, duration_seconds, count"
    first, second = incidents(
        columns,
        (1_500, "watchdog", "restart", "hung", "api:api_00", None, 1),
        (100, "ingest", "stall", "no quote", None, 6.5, 3),
        (2_001, "ingest", "start", "", None, None, 1),
    )
    assert first == Incident(100.0, "ingest", "stall", "no quote", "ingest", 3, 6.5, "")
    assert (second.name, second.about) == ("api_00", "api:api_00")


def test_older_database_has_fewer_columns() -> None:
    (found,) = incidents("at, source, kind, detail", (1, "ingest", "start", "pid 7"))
    assert (found.program, found.count, found.seconds) == ("ingest", 1, None)


def test_damaged_row_is_read_as_far_as_it_goes() -> None:
    columns = "at, source, kind, detail, program, duration_seconds, count"
    (found,) = incidents(columns, (1, None, 7, "x" * 999, None, "long", -3))
    assert (found.source, found.kind, len(found.detail)) == ("None", "7", 300)
    assert (found.seconds, found.count) == (None, 1)
