"""Days on which the two sides do not agree."""

from pathlib import Path

import pytest

from tests.support.report_days import (
    MARK,
    ONE_HOUR,
    PREVIOUS,
    RATE,
    REAL,
    Sabotage,
    assert_no_go,
    drift,
)
from tests.support.report_world import END

SABOTAGES: dict[str, Sabotage] = {
    "opposite sign of one rate": Sabotage(
        f"UPDATE comparison SET ws_value = -ws_value WHERE {RATE} AND symbol = 'BNBUSDT';",
        {"equal at one event time"},
    ),
    "opposite sign of all rates": Sabotage(
        f"UPDATE comparison SET ws_value = -ws_value WHERE {RATE};",
        {"equal at one event time"},
    ),
    "index price for mark price": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * (1.0003 + (id % 7) * 1e-4) WHERE {MARK};",
        {"equal at one event time"},
    ),
    "index price for mark price, one symbol": Sabotage(
        drift(0.02), {"equal at one event time"}
    ),
    "index price, and the clocks never tick together": Sabotage(
        f"UPDATE comparison SET skew_ms = 300 WHERE {REAL};" + drift(0.02),
        {"pairs of one event time"},
    ),
    "ticker p for one symbol": Sabotage(
        f"UPDATE comparison SET ws_value = -ws_value * 0.02 WHERE {MARK} AND symbol = 'BTCUSDT';",
        {"equal at one event time", "prices can be true"},
    ),
    "ticker p for all symbols": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 0.04 WHERE {MARK};",
        {"equal at one event time"},
    ),
    "stale REST that claims to be aligned": Sabotage(PREVIOUS, {"equal at one event time"}),
    "rates in percent": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 100 WHERE {RATE};",
        {"equal at one event time"},
    ),
    "outcomes edited": Sabotage(
        "UPDATE comparison SET ws_value = ws_value * 1.002 WHERE id = 400;",
        {"stored outcomes that are wrong"},
        honest=False,
    ),
    "outcomes edited to look worse": Sabotage(
        "UPDATE comparison SET outcome = 'mismatch' WHERE id = 400;",
        {"stored outcomes that are wrong"},
        honest=False,
    ),
    "differences edited": Sabotage(
        "UPDATE comparison SET difference_pct = 0.05 WHERE id = 400;",
        {"stored outcomes that are wrong"},
        honest=False,
    ),
    "one reading of one tick that differs": Sabotage(
        drift(
            0.01,
            "AND id IN (SELECT id FROM comparison WHERE symbol = 'SOLUSDT' AND"
            f" {MARK} AND skew_ms = 0 ORDER BY id LIMIT 1 OFFSET 40)",
        ),
        {"equal at one event time"},
    ),
    "drift of 0.5 % on one symbol": Sabotage(
        drift(0.5),
        {"equal at one event time"},
    ),
    "drift of 2 % on one symbol": Sabotage(
        drift(2), {"equal at one event time"}
    ),
    "drift of 2 % called lag": Sabotage(
        drift(2) + "UPDATE comparison SET skew_ms = 1500, explained = 1 WHERE symbol = 'SOLUSDT';",
        {"pairs of one event time"},
    ),
    "drift of 2 % said to lie between": Sabotage(
        drift(2) + "UPDATE comparison SET skew_ms = 500, explained = 1 WHERE symbol = 'SOLUSDT';",
        {"more than lag can move", "pairs of one event time"},
    ),
    "two bursts of one symbol said to lie between": Sabotage(
        drift(2, "AND id IN (SELECT id FROM comparison WHERE symbol = 'SOLUSDT' AND"
                 f" {MARK} ORDER BY id LIMIT 2 OFFSET 50)")
        + "UPDATE comparison SET skew_ms = 500, explained = 1 WHERE symbol = 'SOLUSDT' AND id IN"
        f" (SELECT id FROM comparison WHERE symbol = 'SOLUSDT' AND {MARK} ORDER BY id LIMIT 2"
        " OFFSET 50);",
        {"more than lag can move"},
    ),
    "readings of one tick said to lie between": Sabotage(
        "UPDATE comparison SET ws_value = ws_value * 1.02, skew_ms = 0, explained = 1"
        f" WHERE id = (SELECT max(id) FROM comparison WHERE {MARK} AND symbol = 'SOLUSDT');",
        {"equal at one event time"},
    ),
    "three times the price whenever a reading is late": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 3 WHERE {MARK} AND abs(skew_ms) > 4000;",
        {"more than lag can move"},
    ),
    "a REST price of zero": Sabotage(
        f"UPDATE comparison SET rest_value = 0, outcome = 'significant', difference_pct = NULL"
        f" WHERE {MARK} AND symbol = 'COIN5USDT';",
        {"equal at one event time", "prices can be true"},
        honest=False,
    ),
    "one hour of 0.5 % everywhere": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 1.005 WHERE {MARK} AND {ONE_HOUR};",
        {"equal at one event time"},
    ),
    "index prices of all symbols times ten": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 10 WHERE field = 'index_price' AND {REAL};",
        {"equal at one event time"},
    ),
    "index prices of zero": Sabotage(
        f"UPDATE comparison SET ws_value = 0 WHERE field = 'index_price' AND {REAL};",
        {"equal at one event time"},
    ),
    "all but one symbol 0.5 % off for nine minutes": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 1.005 WHERE {MARK} AND {REAL}"
        f" AND symbol <> 'BTCUSDT' AND compared_at BETWEEN {END - 9_540} AND {END - 9_000};",
        {"equal at one event time"},
    ),
    "one hour of 0.3 % on one symbol": Sabotage(
        drift(0.3, f"AND {ONE_HOUR}"), {"equal at one event time"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotaged_day_is_no_go(world: Path, name: str) -> None:
    assert_no_go(world, SABOTAGES[name])
