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

SABOTAGES: dict[str, Sabotage] = {
    "opposite sign of one rate": Sabotage(
        f"UPDATE comparison SET ws_value = -ws_value WHERE {RATE} AND symbol = 'BNBUSDT';",
        {"significant, unexplained", "equal within one tick"},
    ),
    "opposite sign of all rates": Sabotage(
        f"UPDATE comparison SET ws_value = -ws_value WHERE {RATE};",
        {"significant, unexplained", "signs of rates", "average difference, aligned"},
    ),
    "index price for mark price": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * (1.0003 + (id % 7) * 1e-4) WHERE {MARK};",
        {"equal within one tick", "prices off to one side"},
    ),
    "index price for mark price, one symbol": Sabotage(
        drift(0.02), {"equal within one tick", "prices off to one side"}
    ),
    "index price, and the clocks never tick together": Sabotage(
        f"UPDATE comparison SET skew_ms = 300 WHERE {REAL};" + drift(0.02),
        {"prices off to one side"},
    ),
    "ticker p for one symbol": Sabotage(
        f"UPDATE comparison SET ws_value = -ws_value * 0.02 WHERE {MARK} AND symbol = 'BTCUSDT';",
        {"significant, unexplained", "symbols drifting, aligned"},
    ),
    "ticker p for all symbols": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 0.04 WHERE {MARK};",
        {"significant, unexplained", "average difference, aligned"},
    ),
    "stale REST that claims to be aligned": Sabotage(PREVIOUS, {"equal within one tick"}),
    "rates in percent": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 100 WHERE {RATE};",
        {"significant, unexplained", "average difference, aligned"},
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
    "three readings of one tick in a row that differ": Sabotage(
        drift(
            0.01,
            "AND id IN (SELECT id FROM comparison WHERE symbol = 'SOLUSDT' AND"
            f" {MARK} AND abs(skew_ms) <= 5 ORDER BY id LIMIT 3)",
        ),
        {"equal within one tick"},
    ),
    "drift of 0.5 % on one symbol": Sabotage(
        drift(0.5),
        {"symbols drifting, aligned", "equal within one tick", "prices off to one side"},
    ),
    "drift of 2 % on one symbol": Sabotage(
        drift(2), {"significant, unexplained", "symbols drifting, aligned"}
    ),
    "drift of 2 % called lag": Sabotage(
        drift(2) + "UPDATE comparison SET skew_ms = 1500, explained = 1 WHERE symbol = 'SOLUSDT';",
        {"significant, explained", "symbols seldom aligned"},
    ),
    "drift of 2 % said to lie between": Sabotage(
        drift(2) + "UPDATE comparison SET skew_ms = 500, explained = 1 WHERE symbol = 'SOLUSDT';",
        {"significant, explained", "symbols drifting, aligned"},
    ),
    "two bursts of one symbol said to lie between": Sabotage(
        drift(2, "AND id IN (SELECT id FROM comparison WHERE symbol = 'SOLUSDT' AND"
                 f" {MARK} ORDER BY id LIMIT 2 OFFSET 50)")
        + "UPDATE comparison SET skew_ms = 500, explained = 1 WHERE symbol = 'SOLUSDT' AND id IN"
        f" (SELECT id FROM comparison WHERE symbol = 'SOLUSDT' AND {MARK} ORDER BY id LIMIT 2"
        " OFFSET 50);",
        {"significant, explained"},
    ),
    "readings of one tick said to lie between": Sabotage(
        "UPDATE comparison SET ws_value = ws_value * 1.02, skew_ms = 0, explained = 1"
        f" WHERE id = (SELECT max(id) FROM comparison WHERE {MARK} AND symbol = 'SOLUSDT');",
        {"significant, unexplained"},
    ),
    "three times the price whenever a reading is late": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 3 WHERE {MARK} AND abs(skew_ms) > 4000;",
        {"significant, unexplained"},
    ),
    "a REST price of zero": Sabotage(
        f"UPDATE comparison SET rest_value = 0, outcome = 'significant', difference_pct = NULL"
        f" WHERE {MARK} AND symbol = 'COIN5USDT';",
        {"significant, unexplained"},
        honest=False,
    ),
    "one hour of 0.5 % everywhere": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 1.005 WHERE {MARK} AND {ONE_HOUR};",
        {"worst hour, aligned", "equal within one tick"},
    ),
    "one hour of 0.3 % on one symbol": Sabotage(
        drift(0.3, f"AND {ONE_HOUR}"), {"equal within one tick"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotaged_day_is_no_go(world: Path, name: str) -> None:
    assert_no_go(world, SABOTAGES[name])
