"""The facts, gathered from databases of today and of older versions."""

from pathlib import Path

from tests.support.report_days import run
from tests.support.report_world import END, HOUR, tamper
from validation.read.database import opened
from validation.read.facts import gather


def test_rows_without_the_newer_columns_are_judged(world: Path) -> None:
    tamper(world, "UPDATE comparison SET rest_time = NULL, explained = NULL;")
    code, report = run(world)
    assert code == 0
    assert any("without the time of REST's reply" in each for each in report["warnings"])


def test_period_ends_with_the_last_pair(world: Path) -> None:
    tamper(world, f"UPDATE comparison SET ws_value = NULL WHERE compared_at > {END - HOUR};")
    with opened(world) as connection:
        asked = (END - 24 * HOUR, END)
        facts = gather(connection, exchange="binance", asked=asked, now=END, minimum_symbols=20)
    assert END - HOUR - 60 <= facts.period.last <= END - HOUR
    assert facts.period.longest_gap == END - facts.period.last
    assert len(facts.roster.known) == 30


def test_period_without_pairs_has_no_span(world: Path) -> None:
    with opened(world) as connection:
        asked = (1.0, 2.0)
        facts = gather(connection, exchange="binance", asked=asked, now=2.0, minimum_symbols=20)
    assert (facts.period.first, facts.period.last, facts.tally.rows) == (1.0, 1.0, 0)
    assert facts.period.future > 10_000, "whatever the exchange"
