"""Days whose records cannot be believed."""

from pathlib import Path

import pytest

from tests.support.report_days import (
    COLUMNS,
    MARK,
    PREVIOUS,
    Sabotage,
    assert_no_go,
    drift,
    event,
    failed,
    loose,
    run,
)
from tests.support.report_world import END, HOUR, tamper


def moved_copies(shift_rest_time: bool) -> str:
    """Five hours are removed, and filled with copies of the hours before them."""
    move = 5 * HOUR
    time = f"rest_time + {int(move * 1000)}" if shift_rest_time else "rest_time"
    columns = COLUMNS.replace("compared_at", f"compared_at + {move}").replace("rest_time", time)
    begin = END - 10 * HOUR
    return (
        f"DELETE FROM comparison WHERE compared_at BETWEEN {begin} AND {begin + move};"
        f"INSERT INTO comparison ({COLUMNS}) SELECT {columns} FROM comparison"
        f" WHERE compared_at BETWEEN {begin - move} AND {begin} ORDER BY id;"
    )


TEXT_TABLE = """
DROP VIEW worst_differences;
CREATE TABLE loose AS SELECT * FROM comparison;
DROP TABLE comparison;
ALTER TABLE loose RENAME TO comparison;
CREATE INDEX comparison_compared_at ON comparison (compared_at);
UPDATE comparison SET ws_value = 'NaN' WHERE id % 1000 = 7 AND source <> 'control';
"""


SABOTAGES: dict[str, Sabotage] = {
    "stale REST, honest about it": Sabotage(
        PREVIOUS + "UPDATE comparison SET skew_ms = skew_ms + 60000,"
        " rest_time = rest_time - 60000;",
        {"lag", "clocks", "pairs of one event time"},
    ),
    "clock skew of the stream": Sabotage(
        "UPDATE comparison SET skew_ms = skew_ms + 5000;",
        {"lag", "pairs of one event time"},
    ),
    "clock skew of less than a second": Sabotage(
        "UPDATE comparison SET skew_ms = skew_ms + 900;", {"pairs of one event time"}
    ),
    "clock of this machine an hour off": Sabotage(
        "UPDATE comparison SET rest_time = rest_time - 3600000;", {"clocks"}
    ),
    "skew unknown": Sabotage(
        "UPDATE comparison SET skew_ms = NULL;", {"pairs of one event time"}
    ),
    "hours filled with copies": Sabotage(moved_copies(False), {"clocks"}),
    "hours filled with copies, times moved": Sabotage(moved_copies(True), {"clocks"}),
    "rows from the future": Sabotage(
        f"UPDATE comparison SET compared_at = compared_at + 900"
        f" WHERE compared_at > {END - 500};",
        {"clocks"},
    ),
    "the clock went back an hour": Sabotage(
        "UPDATE comparison SET compared_at = compared_at - 3600, rest_time = rest_time - 3600000"
        f" WHERE compared_at > {END - 4 * HOUR};",
        {"clocks"},
    ),
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
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotaged_day_is_no_go(world: Path, name: str) -> None:
    assert_no_go(world, SABOTAGES[name])


def test_each_start_of_the_watchdog_plants_a_control(world: Path) -> None:
    script = ""
    for second in range(5):
        at = END - 60 + second
        script += f"""INSERT INTO comparison ({COLUMNS}) SELECT
            {COLUMNS.replace("compared_at", str(at)).replace("rest_time", str(int(at * 1000)))}
            FROM comparison WHERE source = 'control' ORDER BY id LIMIT 3;"""
    tamper(world, script)
    assert failed(run(world)[1]) == {"controls"}
    tamper(world, "".join(event(n, "funding:watchdog", "start", "pid 9") for n in range(5)))
    assert run(world)[0] == 0
