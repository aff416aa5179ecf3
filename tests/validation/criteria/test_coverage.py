"""Days on which too little was compared."""

from pathlib import Path

import pytest

from tests.support.report_days import (
    LATER,
    MARK,
    RATE,
    REAL,
    Sabotage,
    assert_no_go,
    event,
    failed,
    run,
)
from tests.support.report_world import END, HOUR, TRADFI, tamper

TRADFI_LIST = str(TRADFI)


def both(field: str, value: str) -> str:
    """Both sides say `value`, an SQL expression of either's."""
    ours, theirs = value.replace("?", "ws_value"), value.replace("?", "rest_value")
    return (
        f"UPDATE comparison SET ws_value = {ours}, rest_value = {theirs} WHERE {field} AND {REAL};"
    )


SABOTAGES: dict[str, Sabotage] = {
    "TradFi silent": Sabotage(
        f"UPDATE comparison SET ws_value = NULL, skew_ms = NULL WHERE symbol IN {TRADFI_LIST};",
        {"on one side only", "symbol × hour compared"},
    ),
    "TradFi not compared": Sabotage(
        f"DELETE FROM comparison WHERE symbol IN {TRADFI_LIST};",
        {"symbol × hour compared", "symbols compared"},
    ),
    "no rates at all": Sabotage(
        f"UPDATE comparison SET ws_value = NULL, rest_value = NULL WHERE {RATE} AND {REAL};",
        {"all fields", "funding settlements"},
    ),
    "majors only": Sabotage(
        "DELETE FROM comparison WHERE symbol NOT IN ('BTCUSDT', 'ETHUSDT', 'BNBUSDT');",
        {"symbol × hour compared", "symbols compared"},
    ),
    "majors only, and no others known": Sabotage(
        "DELETE FROM comparison WHERE symbol NOT IN ('BTCUSDT', 'ETHUSDT', 'BNBUSDT');"
        "DELETE FROM quote WHERE symbol NOT IN ('BTCUSDT', 'ETHUSDT', 'BNBUSDT');",
        {"symbols compared"},
    ),
    "fewer symbols than a message has rows": Sabotage(
        "DELETE FROM comparison WHERE symbol LIKE 'COIN1_USDT' OR symbol = 'BNBUSDT';"
        "DELETE FROM quote WHERE symbol LIKE 'COIN1_USDT' OR symbol = 'BNBUSDT';"
        "UPDATE feed SET accepted = frames * 28;",
        {"symbols compared"},
    ),
    "no quotes": Sabotage("DELETE FROM quote;", {"symbols compared"}),
    "all symbols only once": Sabotage(
        f"DELETE FROM comparison WHERE symbol <> 'BTCUSDT' AND {LATER};", {"symbol × hour compared"}
    ),
    "23 hours": Sabotage(
        f"DELETE FROM comparison WHERE compared_at < {END - 23 * HOUR};", {"span"}
    ),
    "nothing in the last two hours": Sabotage(
        f"DELETE FROM comparison WHERE compared_at > {END - 2 * HOUR};", {"span", "longest gap"}
    ),
    "a hole of eleven minutes": Sabotage(
        f"DELETE FROM comparison WHERE compared_at BETWEEN {END - 9000} AND {END - 9000 + 660};",
        {"longest gap"},
    ),
    "a symbol missing in REST": Sabotage(
        "UPDATE comparison SET rest_value = NULL WHERE symbol = 'COIN3USDT';",
        {"on one side only", "symbol × hour compared"},
    ),
    "a symbol's rate missing in the stream": Sabotage(
        f"UPDATE comparison SET ws_value = NULL WHERE {RATE} AND symbol = 'COIN3USDT';",
        {"on one side only", "symbol × hour compared"},
    ),
    "a symbol's price missing on both sides": Sabotage(
        "UPDATE comparison SET ws_value = NULL, rest_value = NULL"
        f" WHERE {MARK} AND symbol = 'COIN3USDT';",
        {"on one side only", "symbol × hour compared"},
    ),
    "only prices compared": Sabotage(
        f"DELETE FROM comparison WHERE {RATE};", {"all fields", "symbol × hour compared"}
    ),
    "all at one instant": Sabotage(
        f"UPDATE comparison SET compared_at = {END - 60};", {"span", "rows"}
    ),
    "rows of another exchange": Sabotage(
        "UPDATE comparison SET exchange = 'bybit' WHERE symbol LIKE 'COIN%';",
        {"symbol × hour compared", "symbols compared"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotaged_day_is_no_go(world: Path, name: str) -> None:
    assert_no_go(world, SABOTAGES[name])


def test_settlement_is_witnessed_before_and_after_by_half_the_symbols(world: Path) -> None:
    instant = (END // 28_800 - 1) * 28_800
    tamper(
        world,
        f"DELETE FROM comparison WHERE symbol LIKE 'COIN%' AND compared_at"
        f" BETWEEN {instant} AND {instant + 1800};",
    )
    _, report = run(world)
    assert instant not in report["coverage"]["settlements"]
    assert "funding settlements" in failed(report)


def test_gap_in_which_rest_refused_to_answer_is_not_the_services(world: Path) -> None:
    begin = END - 9_000
    tamper(world, f"DELETE FROM comparison WHERE compared_at BETWEEN {begin} AND {begin + 4_000};")
    assert {"longest gap", "watchdog there"} <= failed(run(world)[1])
    tamper(world, event(9_000 / HOUR, "watchdog", "rest-pause", "status 429"))
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    assert "1 × rest-pause in the audit trail" in report["warnings"]


def test_rest_that_does_not_answer_for_three_hours_is_a_warning(world: Path) -> None:
    begin, seconds = END - 5 * HOUR, 3 * HOUR
    tamper(
        world,
        f"DELETE FROM comparison WHERE compared_at BETWEEN {begin} AND {begin + seconds};"
        "INSERT INTO event (at, source, kind, detail, rule, duration_seconds) VALUES"
        f" ({begin + 60}, 'watchdog', 'rest-unavailable', 'timed out', 'binance', {seconds - 60});",
    )
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    text = "REST did not answer for 2 h 59 min: nothing was compared then"
    assert text in report["warnings"]


def test_symbol_that_is_seldom_compared_is_not_hidden_among_many(world: Path) -> None:
    tamper(
        world,
        f"DELETE FROM comparison WHERE symbol = 'ETHUSDT' AND compared_at > {END - 6 * HOUR};",
    )
    assert "symbol × hour compared" in failed(run(world)[1])
