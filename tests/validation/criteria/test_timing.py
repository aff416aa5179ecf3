"""Days on which the readings or the clocks are apart."""

from pathlib import Path

import pytest

from tests.support.report_days import COLUMNS, PREVIOUS, Sabotage, assert_no_go
from tests.support.report_world import END, HOUR


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


SABOTAGES: dict[str, Sabotage] = {
    "stale REST, honest about it": Sabotage(
        PREVIOUS + "UPDATE comparison SET skew_ms = skew_ms + 60000,"
        " rest_time = rest_time - 60000;",
        {"skew of the readings", "clocks", "symbols seldom aligned"},
    ),
    "clock skew of the stream": Sabotage(
        "UPDATE comparison SET skew_ms = skew_ms + 5000;",
        {"skew of the readings", "symbols seldom aligned"},
    ),
    "clock skew of less than a second": Sabotage(
        "UPDATE comparison SET skew_ms = skew_ms + 900;", {"skew of the readings"}
    ),
    "clock of this machine an hour off": Sabotage(
        "UPDATE comparison SET rest_time = rest_time - 3600000;", {"clocks"}
    ),
    "skew unknown": Sabotage(
        "UPDATE comparison SET skew_ms = NULL;", {"skew of the readings"}
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
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotaged_day_is_no_go(world: Path, name: str) -> None:
    assert_no_go(world, SABOTAGES[name])
