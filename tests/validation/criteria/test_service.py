"""Days on which the service was not fit."""

from pathlib import Path

import pytest

from tests.support.report_days import (
    Sabotage,
    assert_no_go,
    event,
    loose,
)
from tests.support.report_facts import both_fields, facts_of, passes, symbols
from tests.support.report_world import END
from validation.criteria import service


def unhealthy(hours_ago: float, rule: str, seconds: float | None) -> str:
    """The service was not fit, since then and for so long."""
    lasted = "NULL" if seconds is None else str(seconds)
    return event(hours_ago, "watchdog", "unhealthy") + (
        f"UPDATE event SET rule = '{rule}', duration_seconds = {lasted}"
        " WHERE kind = 'unhealthy' AND rule IS NULL;"
    )


SABOTAGES: dict[str, Sabotage] = {
    "a restart that took a quarter of an hour": Sabotage(
        event(5, "ingest", "stop") + event(4.75, "ingest", "start"), {"programs that stopped"}
    ),
    "ingest stopped for good": Sabotage(event(1, "ingest", "stop"), {"programs that stopped"}),
    "ingest began without having stopped": Sabotage(
        event(5, "ingest", "start"), {"programs that crashed"}
    ),
    "a crash whose first start was pruned": Sabotage(
        "DELETE FROM event;" + event(5, "ingest", "start"), {"programs that crashed"}
    ),
    "the watchdog saw a program die": Sabotage(
        event(5, "watchdog", "crash"), {"programs that crashed"}
    ),
    "no audit trail": Sabotage("DROP TABLE event;", {"programs that crashed"}),
    "an event without a time": Sabotage(
        loose("event", "INSERT INTO event (source, kind, detail) VALUES ('x', 'crash', '')"),
        {"programs that crashed"},
    ),
    "restarted again and again": Sabotage(
        "".join(event(n / 25, "watchdog", "restart", "api:api_00 (hung API)") for n in range(500)),
        {"programs that hung"},
    ),
    "killed by the watchdog": Sabotage(
        event(5, "watchdog", "kill", "api:api_00 (kill): still there"), {"programs that hung"}
    ),
    "300 stalls": Sabotage(
        event(5, "ingest", "stall") + "UPDATE event SET count = 300 WHERE kind = 'stall';",
        {"connection"},
    ),
    "3,000 disconnects": Sabotage(
        "".join(event(n / 130, "ingest", "disconnect") for n in range(3_000)), {"connection"}
    ),
    "no data for two minutes": Sabotage(unhealthy(5, "data", 120), {"fresh data"}),
    "an API dead all day": Sabotage(unhealthy(30, "api", None), {"API answering"}),
    "an API that stood still for twenty hours": Sabotage(
        unhealthy(21, "api", 20 * 3_600), {"API answering"}
    ),
    "an API that hung three times and was left": Sabotage(
        "".join(event(9 - n, "watchdog", "restart", "hung API", "api:api_00") for n in range(3))
        + event(5, "watchdog", "waiting", "over its budget", "api:api_00"),
        {"programs that hung"},
    ),
    "an API that hung three times and never came back": Sabotage(
        "".join(event(9 - n, "watchdog", "restart", "hung API", "api:api_00") for n in range(3))
        + unhealthy(6, "api", None),
        {"API answering"},
    ),
    "an API that an operator stopped": Sabotage(
        event(5, "api:api_00", "stop", "by an operator", "api:api_00"), {"programs that stopped"}
    ),
    "nobody looked for an hour": Sabotage(
        event(5, "watchdog", "unobserved", "away")
        + "UPDATE event SET duration_seconds = 3600 WHERE kind = 'unobserved';",
        {"watchdog there"},
    ),
    "another program compared for an hour": Sabotage(
        "UPDATE comparison SET source = 'client' WHERE compared_at"
        f" BETWEEN {END - 9_000} AND {END - 5_400} AND source <> 'control';",
        {"watchdog there"},
    ),
    "no periods are recorded": Sabotage(
        loose("event", "ALTER TABLE event DROP COLUMN duration_seconds"),
        {"fresh data", "API answering"},
    ),
    "an API process crashed": Sabotage(
        event(5, "api:api_01", "crash", "api:api_01 ended by itself: by a signal"),
        {"programs that crashed"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotaged_day_is_no_go(world: Path, name: str) -> None:
    assert_no_go(world, SABOTAGES[name])


def test_stale_quotes_are_as_rare_as_a_service_that_is_not_there() -> None:
    def fair(stale: int, name: str = "S001", majors: tuple[str, ...] = ()) -> bool:
        series = both_fields(symbols(50), pairs=100)
        for each in series:
            each.stale = stale * (each.symbol == name)
        return passes(service.CRITERIA, "lag", facts_of(series, majors=majors))

    assert fair(5)
    assert not fair(6), "of 5,000 pairs of each field"
    assert not fair(3, majors=("S001",))
    assert fair(2, majors=("S001",))


@pytest.mark.parametrize(
    ("kind", "most"), [("stall", 2), ("disconnect", 4), ("connect-failed", 10)]
)
def test_connection_is_lost_so_often_an_hour(kind: str, most: int) -> None:
    for many, fair in ((24 * most, True), (24 * most + 1, False)):
        facts = facts_of([])
        facts.audit.counts[kind, "ingest"] = many
        assert passes(service.CRITERIA, "connection", facts) is fair
