"""Days at whose end the service holds what is wrong."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.report_days import RATE, Sabotage, assert_no_go, failed, run
from tests.support.report_facts import BEGIN, facts_of, passes, symbols
from tests.support.report_world import END, HOUR, tamper
from validation.criteria import state
from validation.read.series import Series
from validation.read.state import StoredQuote
from validation.render import text
from validation.rules import MARK
from validation.rules import RATE as RATE_FIELD

WEEK_MS = 7 * 86_400_000

SABOTAGES: dict[str, Sabotage] = {
    "quotes times a hundred": Sabotage(
        "UPDATE quote SET mark_price = mark_price * 100, index_price = index_price * 100;",
        {"prices as compared last"},
    ),
    "quotes two percent off": Sabotage(
        "UPDATE quote SET mark_price = mark_price * 1.02, index_price = index_price * 1.02;",
        {"prices as compared last"},
    ),
    "marks two percent off, except the symbol that is compared each minute": Sabotage(
        "UPDATE quote SET mark_price = mark_price * 1.02 WHERE symbol <> 'BTCUSDT';",
        {"prices as compared last"},
    ),
    "one quote times ten": Sabotage(
        "UPDATE quote SET mark_price = mark_price * 10, index_price = index_price * 10"
        " WHERE symbol = 'COIN3USDT';",
        {"prices as compared last"},
    ),
    "two percent on one price that is compared each minute": Sabotage(
        "UPDATE quote SET mark_price = mark_price * 1.02, index_price = index_price * 1.02"
        " WHERE symbol = 'BTCUSDT';",
        {"prices as compared last"},
    ),
    "index prices of three symbols two percent off": Sabotage(
        "UPDATE quote SET index_price = index_price * 1.02"
        " WHERE symbol IN ('COIN1USDT', 'COIN2USDT', 'COIN3USDT');",
        {"marks near their index"},
    ),
    "mark of a major one percent off": Sabotage(
        "UPDATE quote SET mark_price = mark_price * 1.01 WHERE symbol = 'ETHUSDT';",
        {"marks near their index"},
    ),
    "rates that stood still all day": Sabotage(
        "UPDATE quote SET funding_rate = funding_rate + 1e-5 WHERE symbol LIKE 'COIN%';",
        {"rates as compared last"},
    ),
    "rate of a major": Sabotage(
        "UPDATE quote SET funding_rate = funding_rate + 0.002 WHERE symbol = 'BTCUSDT';",
        {"rates as compared last"},
    ),
    "funding interval not the contract's": Sabotage(
        "UPDATE contract SET funding_interval_hours = 16;", {"funding schedule impossible"}
    ),
    "rates negated": Sabotage(
        "UPDATE quote SET funding_rate = -funding_rate;", {"rates as compared last"}
    ),
    "rates in percent": Sabotage(
        "UPDATE quote SET funding_rate = funding_rate * 100;", {"rates as compared last"}
    ),
    "rates unknown": Sabotage(
        "UPDATE quote SET funding_rate = NULL;", {"rates as compared last"}
    ),
    "index prices times ten": Sabotage(
        "UPDATE quote SET index_price = index_price * 10;",
        {"marks near their index", "prices as compared last"},
    ),
    "index prices of zero": Sabotage(
        "UPDATE quote SET index_price = 0;", {"marks near their index"}
    ),
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
    "quotes a week old": Sabotage(
        f"UPDATE quote SET updated_at = updated_at - {WEEK_MS / 1000};", {"quotes fresh"}
    ),
    "quotes of events of a week ago": Sabotage(
        f"UPDATE quote SET event_time = event_time - {WEEK_MS},"
        f" next_funding_time = next_funding_time - {WEEK_MS};",
        {"quotes fresh"},
    ),
    "quotes of next week": Sabotage(
        f"UPDATE quote SET updated_at = updated_at + {WEEK_MS / 1000}, event_time ="
        f" event_time + {WEEK_MS}, next_funding_time = next_funding_time + {WEEK_MS};",
        {"quotes fresh"},
    ),
    "feed not connected": Sabotage("UPDATE feed SET connected = 0;", {"feed"}),
    "feed silent": Sabotage(
        f"UPDATE feed SET heartbeat_at = {END - 600};", {"feed"}
    ),
    "feed unknown": Sabotage("DELETE FROM feed;", {"feed"}),
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
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_sabotaged_end_is_no_go(world: Path, name: str) -> None:
    assert_no_go(world, SABOTAGES[name])


@pytest.mark.parametrize(("sign", "fails"), [(-1, True), (1, False)])
def test_rates_that_a_whole_hour_may_have_changed_are_not_the_opposite_of_all(
    world: Path, sign: int, fails: bool
) -> None:
    """A report just after a whole hour: all rates were compared before it."""
    until = END // HOUR * HOUR + 30
    tamper(
        world,
        f"DELETE FROM comparison WHERE compared_at > {until - 60};"
        f"UPDATE quote SET updated_at = {until}, event_time = {until * 1000}, funding_rate = {sign}"
        f" * (SELECT rest_value FROM comparison WHERE {RATE} AND comparison.symbol = quote.symbol"
        " ORDER BY id DESC LIMIT 1);",
    )
    _, report = run(world, "--no-store", now=until)
    assert ("rates as compared last" in failed(report)) is fails


def test_feed_that_stopped_after_the_period_was_connected_at_its_end(world: Path) -> None:
    tamper(world, f"UPDATE feed SET connected = 0, heartbeat_at = {END + 3_600};")
    assert "feed" not in failed(run(world, "--until", text.iso(END))[1])


@pytest.mark.parametrize(("far", "fair"), [(4, True), (5, False)])
def test_more_prices_than_in_any_round_have_not_moved_far(far: int, fair: bool) -> None:
    """Of 300 prices, three were far from the others in one round: 4.5 may be now."""
    series, rows = [], {}
    for number, name in enumerate(symbols(300)):
        found = Series(name, MARK, BEGIN, paired_at=BEGIN + 99 * 600, last_rest=100.0)
        found.pairs, found.moves, found.moved, found.largest_move = 100, 99, 0.5, 0.1
        series.append(found)
        mark = 104.0 if number < far else 100.0
        rows[name] = StoredQuote(mark, mark, 0.0001, True, BEGIN + 100 * 600)
    facts = facts_of(series)
    facts.quotes.rows.update(rows)
    for number in range(300):
        facts.tally.rounds.add(1.0, 9.0 if number < 3 else 0.0)
    assert passes(state.CRITERIA, "prices as compared last", facts) is fair


@pytest.mark.parametrize(
    ("interval", "off", "fair"),
    [(600, 3, True), (600, 4, False), (3_600, 15, True), (3_600, 16, False)],
)
def test_more_rates_may_differ_where_the_last_comparison_is_long_ago(
    interval: float, off: int, fair: bool
) -> None:
    """Of 300 rates that move."""
    at = BEGIN + 99 * interval
    facts = facts_of([])
    for number, name in enumerate(symbols(300)):
        for field in (MARK, RATE_FIELD):
            found = Series(name, field, BEGIN, paired_at=at, last_rest=0.0001)
            found.pairs, found.moves = 100, 50
            facts.tally.series[field][name] = found
        rate = 0.0003 if number < off else 0.0001
        facts.quotes.rows[name] = StoredQuote(1.0, 1.0, rate, True, at)
    facts = replace(facts, roster=replace(facts.roster, expected=frozenset(symbols(300))))
    assert passes(state.CRITERIA, "rates as compared last", facts) is fair
