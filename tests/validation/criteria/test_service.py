"""Days on which the service was not fit."""

from pathlib import Path

import pytest

from tests.support.report_days import (
    COLUMNS,
    MARK,
    Report,
    Sabotage,
    assert_no_go,
    drift,
    event,
    failed,
    loose,
    run,
)
from tests.support.report_world import END, tamper
from validation.render import text

TEXT_TABLE = """
DROP VIEW worst_differences;
CREATE TABLE loose AS SELECT * FROM comparison;
DROP TABLE comparison;
ALTER TABLE loose RENAME TO comparison;
CREATE INDEX comparison_compared_at ON comparison (compared_at);
UPDATE comparison SET ws_value = 'NaN' WHERE id % 1000 = 7 AND source <> 'control';
"""


WEEK_MS = 7 * 86_400_000


def crashed(world: Path, script: str) -> tuple[set[str], Report]:
    """The criteria that fail for the programs' sake, and the events."""
    tamper(world, script)
    _, report = run(world, "--no-store")
    return failed(report) & {"programs that crashed", "programs that hung"}, report["events"]


SABOTAGES: dict[str, Sabotage] = {
    "funding interval off by one": Sabotage(
        "UPDATE quote SET funding_interval_hours = funding_interval_hours - 1;",
        {"funding schedule impossible"},
    ),
    "funding interval of one symbol off by one": Sabotage(
        "UPDATE quote SET funding_interval_hours = 7 WHERE symbol = 'BTCUSDT';",
        {"funding schedule impossible"},
    ),
    "next settlement an hour late": Sabotage(
        "UPDATE quote SET next_funding_time = next_funding_time + 3600000;",
        {"funding schedule impossible"},
    ),
    "a restart that took a quarter of an hour": Sabotage(
        event(5, "ingest", "stop") + event(4.75, "ingest", "start"), {"ingest stopped"}
    ),
    "ingest stopped for good": Sabotage(event(1, "ingest", "stop"), {"ingest stopped"}),
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
    "controls missed": Sabotage(
        "UPDATE comparison SET ws_value = rest_value WHERE source = 'control';", {"controls"}
    ),
    "a control stored as a match": Sabotage(
        "UPDATE comparison SET outcome = 'match' WHERE id ="
        " (SELECT max(id) FROM comparison WHERE source = 'control');",
        {"controls"},
        honest=False,
    ),
    "a control without values": Sabotage(
        "UPDATE comparison SET ws_value = NULL, rest_value = NULL WHERE source = 'control';",
        {"controls"},
    ),
    "each row twice": Sabotage(
        f"INSERT INTO comparison ({COLUMNS}) SELECT {COLUMNS} FROM comparison;", {"rows"}
    ),
    "text for numbers": Sabotage(TEXT_TABLE, {"rows"}, honest=False),
    "infinite values": Sabotage(
        "UPDATE comparison SET ws_value = 9e999, rest_value = 9e999 WHERE id = 400;",
        {"rows"},
        honest=False,
    ),
    "quotes a week old": Sabotage(
        f"UPDATE quote SET updated_at = updated_at - {WEEK_MS / 1000};", {"quotes at the end"}
    ),
    "quotes of events of a week ago": Sabotage(
        f"UPDATE quote SET event_time = event_time - {WEEK_MS},"
        f" next_funding_time = next_funding_time - {WEEK_MS};",
        {"quotes at the end"},
    ),
    "quotes of next week": Sabotage(
        f"UPDATE quote SET updated_at = updated_at + {WEEK_MS / 1000}, event_time ="
        f" event_time + {WEEK_MS}, next_funding_time = next_funding_time + {WEEK_MS};",
        {"quotes at the end"},
    ),
    "feed not connected": Sabotage("UPDATE feed SET connected = 0;", {"feed at the end"}),
    "feed silent": Sabotage(
        f"UPDATE feed SET heartbeat_at = {END - 600};", {"feed at the end"}
    ),
    "feed unknown": Sabotage("DELETE FROM feed;", {"feed at the end"}),
    "next settlement a week ago": Sabotage(
        f"UPDATE quote SET next_funding_time = next_funding_time - {WEEK_MS};",
        {"funding schedule impossible"},
    ),
    "next settlement unknown": Sabotage(
        "UPDATE quote SET next_funding_time = NULL;", {"funding schedule impossible"}
    ),
    "next settlement and rate unknown": Sabotage(
        "UPDATE quote SET next_funding_time = NULL, funding_rate = NULL;",
        {"funding schedule impossible"},
    ),
    "funding intervals unknown": Sabotage(
        "UPDATE quote SET funding_interval_hours = NULL;", {"funding schedule impossible"}
    ),
    "the exchange in capitals": Sabotage(
        "UPDATE comparison SET exchange = 'Binance' WHERE id = 400;", {"rows"}
    ),
    "no exchange": Sabotage("UPDATE comparison SET exchange = '' WHERE id = 400;", {"rows"}),
    "a comparison without a time": Sabotage(
        loose("comparison", "UPDATE comparison SET compared_at = NULL WHERE id = 400"), {"rows"}
    ),
    "a comparison whose time is text": Sabotage(
        loose("comparison", "UPDATE comparison SET compared_at = 'now' WHERE id = 400"), {"rows"}
    ),
    "a comparison of before all time": Sabotage(
        "UPDATE comparison SET compared_at = -9e999 WHERE id = 400;", {"rows"}
    ),
    "an event without a time": Sabotage(
        loose("event", "INSERT INTO event (source, kind, detail) VALUES ('x', 'crash', '')"),
        {"programs that crashed"},
    ),
    "differing rows called controls": Sabotage(
        drift(2).replace("SOLUSDT", "BTCUSDT")
        + f"UPDATE comparison SET source = 'control' WHERE {MARK} AND symbol = 'BTCUSDT';",
        {"controls"},
    ),
    "the differing rows of one symbol called controls": Sabotage(
        drift(2, f"AND compared_at > {END - 1000}")
        + f"UPDATE comparison SET source = 'control' WHERE {MARK} AND symbol = 'SOLUSDT'"
        f" AND compared_at > {END - 1000};",
        {"controls"},
    ),
    "restarted again and again": Sabotage(
        "".join(event(n / 25, "watchdog", "restart", "api:api_00 (hung API)") for n in range(500)),
        {"programs that hung"},
    ),
    "killed by the watchdog": Sabotage(
        event(5, "watchdog", "kill", "api:api_00 (kill): still there"), {"programs that hung"}
    ),
    "an API process crashed": Sabotage(
        event(5, "api:api_01", "crash", "api:api_01 ended by itself: by a signal"),
        {"programs that crashed"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotaged_day_is_no_go(world: Path, name: str) -> None:
    assert_no_go(world, SABOTAGES[name])


def test_feed_that_stopped_after_the_period_was_connected_at_its_end(world: Path) -> None:
    tamper(world, f"UPDATE feed SET connected = 0, heartbeat_at = {END + 3_600};")
    assert "feed at the end" not in failed(run(world, "--until", text.iso(END))[1])


def test_each_start_of_the_watchdog_plants_a_control(world: Path) -> None:
    script = ""
    for second in range(5):
        at = END - 60 + second
        script += f"""INSERT INTO comparison ({COLUMNS}) SELECT
            {COLUMNS.replace("compared_at", str(at)).replace("rest_time", str(int(at * 1000)))}
            FROM comparison WHERE source = 'control' ORDER BY id LIMIT 2;"""
    tamper(world, script)
    assert failed(run(world)[1]) == {"controls"}
    tamper(world, "".join(event(n, "funding:watchdog", "start", "pid 9") for n in range(5)))
    assert run(world)[0] == 0
