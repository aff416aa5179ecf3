"""Days on which both sides say what cannot be true."""

from pathlib import Path

import pytest

from tests.support.report_days import (
    COLUMNS,
    LATER,
    MARK,
    ONE_HOUR,
    RATE,
    REAL,
    Sabotage,
    assert_no_go,
)
from tests.support.report_facts import BEGIN, both_fields, facts_of, passes, symbols
from tests.support.report_world import END, HOUR
from validation.criteria import plausible
from validation.rules import MARK as MARK_FIELD

HALF_DAY_EARLIER = (
    "SELECT old.{} FROM comparison AS old WHERE old.symbol = comparison.symbol"
    f" AND old.field = comparison.field AND old.compared_at > {END - 12 * HOUR}"
    " ORDER BY old.compared_at LIMIT 1"
)


def frozen(field: str, condition: str = "1") -> str:
    """Both sides of each symbol keep the value that REST had first."""
    return (
        "CREATE TEMP TABLE kept AS SELECT symbol, rest_value, min(id) FROM comparison"
        f" WHERE {field} AND {REAL} AND rest_value IS NOT NULL GROUP BY symbol;"
        "CREATE UNIQUE INDEX temp.kept_symbol ON kept (symbol);"
        "UPDATE comparison SET ws_value = (SELECT rest_value FROM kept WHERE kept.symbol ="
        " comparison.symbol), rest_value = (SELECT rest_value FROM kept WHERE kept.symbol ="
        f" comparison.symbol) WHERE {field} AND {REAL} AND rest_value IS NOT NULL AND {condition};"
    )


def both(field: str, value: str) -> str:
    """Both sides say `value`, an SQL expression of either's."""
    ours, theirs = value.replace("?", "ws_value"), value.replace("?", "rest_value")
    return (
        f"UPDATE comparison SET ws_value = {ours}, rest_value = {theirs} WHERE {field} AND {REAL};"
    )


FOUR_HOURS = f"compared_at BETWEEN {END - 10 * HOUR} AND {END - 6 * HOUR}"


COIN_MARGINED = f"""
INSERT INTO comparison ({COLUMNS}) SELECT compared_at, source, exchange, 'BTCUSD_PERP', field,
    ws_value, NULL, NULL, NULL, 'mismatch', NULL, 0 FROM comparison
    WHERE symbol = 'ETHUSDT' ORDER BY id;
"""


SABOTAGES: dict[str, Sabotage] = {
    "frozen symbols": Sabotage(
        f"UPDATE comparison SET ws_value = ({HALF_DAY_EARLIER.format('ws_value')})"
        f" WHERE {LATER} AND symbol IN ('ETHUSDT', 'COIN1USDT') AND {REAL};",
        {"equal at one event time"},
    ),
    "one symbol frozen for an hour": Sabotage(
        f"UPDATE comparison SET ws_value = (SELECT max(o.ws_value) FROM comparison AS o"
        f" WHERE o.symbol = 'ETHUSDT' AND o.field = comparison.field AND o.{ONE_HOUR})"
        f" WHERE {ONE_HOUR} AND symbol = 'ETHUSDT';",
        {"equal at one event time"},
    ),
    "both sides stand still": Sabotage(
        f"UPDATE comparison SET rest_value = 2, ws_value = 2 WHERE {MARK} AND {REAL};",
        {"prices move"},
    ),
    "one REST sample repeated": Sabotage(
        f"UPDATE comparison SET rest_value = ({HALF_DAY_EARLIER.format('rest_value')}),"
        f" rest_time = ({HALF_DAY_EARLIER.format('rest_time')}) WHERE {LATER} AND {REAL};",
        {"equal at one event time", "clocks"},
    ),
    "rates in percent on both sides": Sabotage(
        f"UPDATE comparison SET ws_value = ws_value * 100, rest_value = rest_value * 100"
        f" WHERE {RATE};",
        {"rates can be true"},
    ),
    "one symbol times ten on both sides for an hour": Sabotage(
        both(f"{MARK} AND {ONE_HOUR} AND symbol = 'COIN5USDT'", "? * 10"), {"prices can be true"}
    ),
    "marks of one symbol times two on both sides, beside the same index": Sabotage(
        both(f"{MARK} AND symbol = 'SOLUSDT'", "? * 2"), {"prices can be true"}
    ),
    "half of all symbols frozen on both sides": Sabotage(
        frozen(MARK, "symbol IN (SELECT symbol FROM quote WHERE rowid % 2)"), {"prices move"}
    ),
    "one major frozen on both sides for four hours": Sabotage(
        frozen(MARK, f"{FOUR_HOURS} AND symbol = 'ETHUSDT'"), {"prices move"}
    ),
    "COIN-M mixed in": Sabotage(COIN_MARGINED, {"symbols of another exchange"}),
    "rates frozen on both sides": Sabotage(frozen(RATE), {"rates can be true"}),
    "rates frozen on both sides for four hours": Sabotage(
        frozen(RATE, FOUR_HOURS), {"rates can be true"}
    ),
    "prices frozen on both sides for four hours": Sabotage(
        frozen(MARK, FOUR_HOURS), {"prices move"}
    ),
    "all rates zero on both sides": Sabotage(both(RATE, "0.0"), {"rates can be true"}),
    "one rate for all symbols": Sabotage(
        both(RATE, "0.00001 + (cast(compared_at as integer) % 1000) * 1e-7"), {"rates can be true"}
    ),
    "one price for all symbols": Sabotage(
        both(MARK, f"60000 + (compared_at - {END}) * 0.01"), {"prices move"}
    ),
    "rates divided by a hundred on both sides": Sabotage(
        both(RATE, "? / 100"), {"rates can be true"}
    ),
    "negative prices on both sides": Sabotage(both(MARK, "-?"), {"prices can be true"}),
    "one price of zero on both sides": Sabotage(
        both(f"{MARK} AND id IN (SELECT min(id) FROM comparison WHERE {MARK} AND id > 400)", "0.0"),
        {"prices can be true"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotaged_day_is_no_go(world: Path, name: str) -> None:
    assert_no_go(world, SABOTAGES[name])


@pytest.mark.parametrize(("jumping", "fair"), [(2, True), (3, False)])
def test_few_prices_jump_by_half(jumping: int, fair: bool) -> None:
    series = both_fields(symbols(100))
    for each in series[: 2 * jumping : 2]:
        each.jumps = 1
    assert passes(plausible.CRITERIA, "prices can be true", facts_of(series)) is fair


def test_hours_without_a_comparison_are_not_still() -> None:
    series = both_fields(symbols(10), pairs=99, compared_hours=0b10001, moving_hours=0b10001)
    facts = facts_of(series, last=BEGIN + 5 * HOUR)
    assert plausible.still_hours(facts, MARK_FIELD) == 0
    for each in series:
        each.compared_hours = 0b11111
    assert plausible.still_hours(facts, MARK_FIELD) == 3
