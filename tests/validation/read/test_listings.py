"""Listings and delistings: symbols that came or went."""

from pathlib import Path

import pytest

from tests.support.report_days import LATER, RATE, REAL, delisted, failed, run
from tests.support.report_world import END, HOUR, tamper


def test_listing_is_for_a_moment_on_one_side_only(world: Path) -> None:
    tamper(
        world,
        "UPDATE comparison SET ws_value = NULL, skew_ms = NULL, explained = 0 WHERE id IN"
        " (SELECT min(id) FROM comparison WHERE symbol = 'COIN7USDT' GROUP BY field);",
    )
    assert run(world)[0] == 0


def test_delisted_symbol_is_on_neither_side(world: Path) -> None:
    tamper(world, delisted("COIN3USDT", END - 10 * HOUR) + delisted("COIN4USDT", END - 72 * HOUR))
    tamper(world, f"DELETE FROM comparison WHERE symbol = 'COIN4USDT' AND {RATE};")
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    assert any("COIN3USDT, COIN4USDT" in each for each in report["warnings"])


def both(field: str, value: str) -> str:
    """Both sides say `value`, an SQL expression of either's."""
    ours, theirs = value.replace("?", "ws_value"), value.replace("?", "rest_value")
    return (
        f"UPDATE comparison SET ws_value = {ours}, rest_value = {theirs} WHERE {field} AND {REAL};"
    )


@pytest.mark.parametrize(
    "script",
    [
        f"UPDATE quote SET updated_at = {END}, event_time = {END * 1000};",
        f"UPDATE comparison SET rest_value = ws_value WHERE compared_at > {END - 60 * 15};",
        "UPDATE comparison SET ws_value = NULL, rest_value = ws_value"
        f" WHERE compared_at > {END - 60 * 15};",
        f"UPDATE quote SET updated_at = {END - 9 * HOUR}, event_time = {(END - 9 * HOUR) * 1000};",
    ],
    ids=["the stream has it", "both have it again", "REST has it", "the stream went on"],
)
def test_symbol_that_one_side_still_has_is_not_delisted(world: Path, script: str) -> None:
    end = f"{script[:-1]} {'AND' if 'WHERE' in script else 'WHERE'} symbol = 'COIN3USDT';"
    tamper(world, delisted("COIN3USDT", END - 10 * HOUR) + end)
    assert "symbols on one side only" in failed(run(world)[1])


def test_many_symbols_are_not_delisted_in_one_day(world: Path) -> None:
    script = "".join(delisted(f"COIN{n}USDT", END - 72 * HOUR) for n in range(1, 5))
    tamper(world, script)
    assert {"symbols on one side only", "cells compared"} <= failed(run(world)[1])


def test_symbol_is_known_from_its_listing_on(world: Path) -> None:
    listed = f"DELETE FROM comparison WHERE {LATER.replace('>', '<')} AND symbol = "
    tamper(world, listed + "'COIN3USDT';")
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    assert report["coverage"]["cells"] == report["coverage"]["cells_compared"] == 24 * 30 - 12
    tamper(world, listed + "'COIN4USDT';")
    assert failed(run(world)[1]) == {"cells compared"}, "two of thirty are too many for listings"
