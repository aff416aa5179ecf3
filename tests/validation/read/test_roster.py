"""Who is expected: listings, delistings, and contracts that do not trade."""

from pathlib import Path

import pytest

from tests.support.report_days import LATER, delisted, failed, run, settled
from tests.support.report_world import DATED, END, HOUR, tamper
from validation.exchanges import BINANCE
from validation.read.roster import _majors

UNLISTED = "DELETE FROM contract;"


def status(word: str, symbol: str) -> str:
    return f"UPDATE contract SET status = '{word}' WHERE symbol = '{symbol}';"


def only_in_rest(symbol: str) -> str:
    return f"""
UPDATE comparison SET ws_value = NULL, skew_ms = NULL, explained = 0 WHERE symbol = '{symbol}';
DELETE FROM quote WHERE symbol = '{symbol}';
"""


def test_listing_is_for_a_moment_on_one_side_only(world: Path) -> None:
    tamper(
        world,
        "UPDATE comparison SET ws_value = NULL, skew_ms = NULL, explained = 0 WHERE id IN"
        " (SELECT min(id) FROM comparison WHERE symbol = 'COIN7USDT' GROUP BY field);",
    )
    assert run(world)[0] == 0


@pytest.mark.parametrize("word", ["SETTLING", "CLOSED", "PENDING"])
def test_contract_that_does_not_trade_may_be_anywhere(world: Path, word: str) -> None:
    at = END - 10 * HOUR
    tamper(
        world,
        delisted("COIN3USDT", at) + delisted("COIN4USDT", END - 72 * HOUR)
        + settled("COIN5USDT", at) + settled("COIN6USDT", END - 72 * HOUR)
        + only_in_rest("COIN7USDT")
        + "".join(status(word, f"COIN{n}USDT") for n in range(3, 8)),
    )  # fmt: skip
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    text = "known, but not trading, and not expected: 5: COIN3USDT"
    assert any(each.startswith(text) for each in report["warnings"])


def test_contract_that_is_not_listed_is_a_warning(world: Path) -> None:
    tamper(world, only_in_rest("COIN7USDT") + "DELETE FROM contract WHERE symbol = 'COIN7USDT';")
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    text = "compared, but not in the exchange's list of contracts: 1: COIN7USDT"
    assert text in report["warnings"]


@pytest.mark.parametrize("symbol", ["COIN7USDT", "ETHUSDT"])
def test_contract_that_trades_is_on_both_sides(world: Path, symbol: str) -> None:
    tamper(world, only_in_rest(symbol))
    assert "on one side only" in failed(run(world)[1])


@pytest.mark.parametrize("script", [only_in_rest("ETHUSDT"), delisted("ETHUSDT", END - 9 * HOUR)])
def test_major_is_never_excused(world: Path, script: str) -> None:
    tamper(world, script + status("SETTLING", "ETHUSDT"))
    assert "on one side only" in failed(run(world)[1])


def test_major_on_neither_side_is_missing(world: Path) -> None:
    for table in ("comparison", "quote", "contract"):
        tamper(world, f"DELETE FROM {table} WHERE symbol = 'ETHUSDT';")
        code, report = run(world)
        assert code == 1, table
    assert "symbols compared" in failed(report), "though nobody has heard of it"


def test_statuses_do_not_leave_less_than_the_exchange_has(world: Path) -> None:
    tamper(world, "UPDATE contract SET status = 'SETTLING' WHERE symbol LIKE 'COIN%';")
    assert "symbols compared" in failed(run(world)[1])


def test_without_the_list_what_was_seen_decides(world: Path) -> None:
    at = END - 10 * HOUR
    gone = delisted("COIN3USDT", at) + delisted("COIN4USDT", END - 72 * HOUR)
    tamper(world, UNLISTED + gone + settled("COIN5USDT", at))
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    assert any("list of contracts is not known" in each for each in report["warnings"])
    tamper(world, only_in_rest("COIN7USDT"))
    assert "on one side only" in failed(run(world)[1]), "as strict as can be"


def test_without_the_list_a_dated_contract_is_expected(world: Path) -> None:
    tamper(world, UNLISTED + only_in_rest(DATED))
    assert "on one side only" in failed(run(world)[1])


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
    tamper(world, UNLISTED + delisted("COIN3USDT", END - 10 * HOUR) + end)
    assert "on one side only" in failed(run(world)[1])


def test_without_the_list_many_symbols_are_not_delisted_in_one_day(world: Path) -> None:
    script = "".join(delisted(f"COIN{n}USDT", END - 72 * HOUR) for n in range(1, 5))
    tamper(world, UNLISTED + script)
    assert {"on one side only", "symbol × hour compared"} <= failed(run(world)[1])


def test_symbol_is_known_from_its_listing_on(world: Path) -> None:
    listed = f"DELETE FROM comparison WHERE {LATER.replace('>', '<')} AND symbol = "
    tamper(world, "".join(listed + f"'COIN{n}USDT';" for n in (3, 4, 5)))
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    assert report["coverage"]["cells"] == report["coverage"]["cells_compared"] == 24 * 30 - 36
    tamper(world, listed + "'COIN6USDT';")
    assert "symbol × hour compared" in failed(run(world)[1]), "so many are not listed in one day"
    noon = int(END - 12 * HOUR)
    tamper(
        world,
        f"UPDATE contract SET listed_time = {noon}000"
        " WHERE symbol IN ('COIN3USDT', 'COIN4USDT', 'COIN5USDT', 'COIN6USDT');",
    )
    assert run(world)[0] == 0, "unless the exchange says so"


def test_major_is_not_listed_in_a_day(world: Path) -> None:
    tamper(world, f"DELETE FROM comparison WHERE {LATER.replace('>', '<')} AND symbol = 'ETHUSDT';")
    assert "symbol × hour compared" in failed(run(world)[1])


def test_table_of_majors_counts_where_most_of_it_is_known() -> None:
    some = sorted(BINANCE.majors)[:10]
    assert _majors(BINANCE, set(some)) == BINANCE.majors
    assert _majors(BINANCE, set(some[:9])) == {*some[:9], "BTCUSDT", "ETHUSDT"}


def test_announced_contract_may_be_on_one_side_until_it_trades(world: Path) -> None:
    """REST has it from the start; the stream from noon on, when its trading begins."""
    noon = int(END - 12 * HOUR)
    tamper(
        world,
        "UPDATE comparison SET ws_value = NULL, skew_ms = NULL, explained = 0"
        f" WHERE symbol = 'COIN3USDT' AND compared_at < {noon};",
    )
    assert "on one side only" in failed(run(world)[1])
    tamper(world, f"UPDATE contract SET listed_time = {noon}000 WHERE symbol = 'COIN3USDT';")
    assert run(world)[0] == 0
    tamper(world, f"UPDATE contract SET listed_time = {noon - 7_200}000;")
    assert "on one side only" in failed(run(world)[1]), "it traded for two hours"


def test_old_list_is_a_warning_and_what_was_seen_decides(world: Path) -> None:
    old = f"UPDATE contract SET checked_at = {END - 5 * HOUR};"
    tamper(world, old + delisted("COIN3USDT", END - 2 * HOUR))
    code, report = run(world)
    assert (code, failed(report)) == (0, set())
    text = "the list of contracts is 5 h 00 min old: who trades may have changed"
    assert text in report["warnings"]
    tamper(world, f"UPDATE contract SET checked_at = {END - 60};")
    assert "on one side only" in failed(run(world)[1]), "the exchange says that it trades"


def test_list_that_calls_living_contracts_dead_is_wrong(world: Path) -> None:
    tamper(world, "".join(status("SETTLING", f"COIN{n}USDT") for n in range(12)))
    assert "symbols compared" in failed(run(world)[1])
    tamper(world, "".join(only_in_rest(f"COIN{n}USDT") for n in range(12)))
    report = run(world)[1]
    (line,) = (each for each in report["criteria"] if each["name"] == "symbols compared")
    assert "not trading, but alive: " in line["figure"]
