"""What quotes mean, in a real store: statistics read when they change, signals, bars."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from funding.errors import StoreLocked
from funding.ingest import interpreter as module
from funding.model.quote import Quote
from funding.statistics.thresholds import thresholds
from funding.store.bar_table import BARS_OF_SYMBOL
from funding.store.durable import DurableConnection
from funding.store.standby import StandbyQuotes
from tests.support.clock import rows
from tests.support.ingest_world import START, START_MS, IngestWorld, message, row
from tests.support.statistics_rows import add_contract, add_statistics
from tests.support.store import feed_of, plainly

_QUOTE = "SELECT z_score, z_reason, percentile, zone, signal_level FROM quote WHERE symbol = ?"
_SIGNALS = "SELECT kind, symbol, zone, direction, symbols FROM signal ORDER BY id"


def meaning_of(world: IngestWorld, symbol: str = "BTCUSDT") -> Any:
    (found,) = rows(world.path, _QUOTE.replace("?", f"'{symbol}'"))
    return found


def deliver(world: IngestWorld, rate: str, second: float, symbol: str = "BTCUSDT") -> None:
    time_ms = START_MS + round(second * 1000)
    world.time.advance(START + second - world.time.wall)
    world.deliver(message(row(symbol, r=rate, E=time_ms, T=START_MS + 28_800_000)))


def known(path: Path, symbol: str = "BTCUSDT") -> None:
    add_contract(path, symbol)
    add_statistics(path, symbol)


@pytest.fixture
def scored(world: IngestWorld) -> IngestWorld:
    """A quote is stored, and what is normal for it is read."""
    world.connect()
    deliver(world, "0.00010000", 0)
    known(world.path)
    deliver(world, "0.00010000", 3)
    return world


def test_quote_has_a_score_once_there_are_statistics(world: IngestWorld) -> None:
    world.connect()
    deliver(world, "0.00010000", 0)
    assert meaning_of(world) == (None, "no statistics yet", None, None, None)
    add_contract(world.path)
    deliver(world, "0.00010000", 3)
    deliver(world, "0.00010000", 4)
    assert meaning_of(world)[1] == "no statistics yet"
    add_statistics(world.path)
    deliver(world, "0.00010000", 7)
    deliver(world, "0.00020000", 8)
    z_score, reason, percentile, zone, level = meaning_of(world)
    assert z_score == pytest.approx(1.0)
    assert (reason, percentile, zone, level) == (None, 100.0, "normal", 0)


def test_signal_is_in_the_transaction_of_its_quote(scored: IngestWorld) -> None:
    deliver(scored, "0.00010000", 4)
    with closing(plainly(scored.path)) as plain:
        seen: list[tuple[Any, ...]] = []
        plain.execute("BEGIN")
        assert plain.execute(_SIGNALS).fetchall() == []
        deliver(scored, "0.00050000", 5)
        assert plain.execute("SELECT z_score FROM quote").fetchall()[0][0] == pytest.approx(0.0)
        plain.execute("COMMIT")
        seen += plain.execute(_SIGNALS).fetchall()
    assert seen == [
        ("move", "BTCUSDT", "extreme", "up", 1),
        ("zone", "BTCUSDT", "extreme", "up", 1),
    ]
    assert meaning_of(scored)[4] == 2


def test_one_cross_is_one_signal_across_a_restart(worlds: Callable[..., IngestWorld]) -> None:
    toml = '[[threshold]]\nsymbol="*"\nfield="funding_rate"\nabove=0.0003'
    world = worlds(thresholds=thresholds(toml))
    world.connect()
    deliver(world, "0.00010000", 0)
    known(world.path)
    deliver(world, "0.00010000", 3)
    deliver(world, "0.00010001", 3.5)
    deliver(world, "0.00050000", 4)
    assert [kind for kind, *_ in rows(world.path, _SIGNALS)] == ["move", "zone", "cross"]
    world.writer.close()
    again = worlds(thresholds=thresholds(toml))
    again.connect()
    deliver(again, "0.00050000", 5)
    deliver(again, "0.00051000", 6)
    assert len(rows(again.path, _SIGNALS)) == 3
    deliver(again, "0.00010000", 400)
    assert [kind for kind, *_ in rows(again.path, _SIGNALS)[3:]] == ["zone"]


def test_cross_while_rest_stands_in_is_told_by_the_next_ingest(
    worlds: Callable[..., IngestWorld],
) -> None:
    toml = '[[threshold]]\nsymbol="*"\nfield="funding_rate"\nabove=0.0003'
    world = worlds(thresholds=thresholds(toml))
    world.connect()
    deliver(world, "0.00010000", 0)
    known(world.path)
    deliver(world, "0.00010000", 3)
    deliver(world, "0.00010001", 3.5)
    world.writer.close()
    with closing(DurableConnection(world.path)) as store:
        standby = StandbyQuotes(store, "binance", 1.0)
        for second, rate in ((400, 0.0005), (415, 0.00051)):
            found = Quote("BTCUSDT", 100.0, 99.0, rate, None, START_MS + second * 1_000)
            feed, uptime = feed_of(), 1e6 + second
            filled = standby.fill(
                [found], feed, since=1.0, wall=START + second, uptime=uptime, received=[uptime]
            )
            assert filled == 1
    again = worlds(thresholds=thresholds(toml))
    again.connect()
    deliver(again, "0.00052000", 430)
    deliver(again, "0.00053000", 431)
    assert [kind for kind, *_ in rows(again.path, _SIGNALS)] == ["zone", "cross"]


def test_locked_store_keeps_what_was_set_off(scored: IngestWorld) -> None:
    deliver(scored, "0.00010000", 4)
    with closing(plainly(scored.path)) as plain:
        plain.execute("BEGIN IMMEDIATE")
        deliver(scored, "0.00050000", 5)
        plain.execute("ROLLBACK")
    deliver(scored, "0.00050000", 6)
    assert [kind for kind, *_ in rows(scored.path, _SIGNALS)] == ["move", "zone"]


def test_contract_that_stops_trading_has_no_score(scored: IngestWorld) -> None:
    deliver(scored, "0.00010000", 4)
    assert meaning_of(scored)[0] == pytest.approx(0.0)
    add_contract(scored.path, status="SETTLING")
    deliver(scored, "0.00010000", 8)
    deliver(scored, "0.00010000", 9)
    assert meaning_of(scored)[1] == "the contract is SETTLING, not TRADING"


def test_statistics_are_read_a_part_at_a_time(
    world: IngestWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_SYMBOLS", 2)
    world.connect()
    names = [f"S{n}USDT" for n in range(5)]
    world.deliver(message(*(row(name) for name in names)))
    for name in names:
        known(world.path, name)
    scores = []
    for second in range(3, 24, 3):
        world.time.advance(3)
        world.deliver(message(*(row(name, E=START_MS + second * 1000) for name in names)))
        scores.append(rows(world.path, "SELECT count(z_score) FROM quote")[0][0])
    assert scores[0] < 5
    assert scores[-1] == 5


def bars(world: IngestWorld, period: int) -> list[Any]:
    return rows(
        world.path,
        f"SELECT symbol, start - {START_MS // 1000}, open, high, low, close, rate_close, quotes"
        f" FROM bar WHERE period = {period} ORDER BY start, symbol",
    )


def test_minutes_are_written_and_folded_into_hours(world: IngestWorld) -> None:
    world.connect()
    first = 30  # a minute begins
    for second in range(0, 200, 10):
        time_ms = START_MS + (first + second) * 1000
        world.time.advance(10)
        world.deliver(message(row(price=str(100 + second), E=time_ms)))
    assert START_MS // 1000 % 60 == 30
    assert bars(world, 60) == [
        ("BTCUSDT", 30, 100.0, 150.0, 100.0, 150.0, 0.0001, 6),
        ("BTCUSDT", 90, 160.0, 210.0, 160.0, 210.0, 0.0001, 6),
        ("BTCUSDT", 150, 220.0, 270.0, 220.0, 270.0, 0.0001, 6),
    ]
    (hour,) = bars(world, 3600)
    assert hour[2:] == (100.0, 270.0, 100.0, 270.0, 0.0001, 18)


def test_stop_and_restart_within_a_minute_make_one_bar(worlds: Callable[..., IngestWorld]) -> None:
    world = worlds()
    world.connect()
    deliver(world, "0.0001", 31)
    world.loop.stop()
    assert [bar[-1] for bar in bars(world, 60)] == [1]
    again = worlds()
    again.connect()
    again.deliver(message(row(price="99.5", E=START_MS + 40_000)))
    again.loop.stop()
    ((_, _, opened, high, low, close, _, quotes),) = bars(again, 60)
    assert (opened, high, low, close, quotes) == (100.5, 100.5, 99.5, 99.5, 2)
    assert bars(again, 3600)[0][-1] == 2
    assert "missing-bar" not in again.kinds()


def test_minute_that_a_killed_process_took_along_is_an_event(
    worlds: Callable[..., IngestWorld],
) -> None:
    world = worlds()
    world.connect()
    deliver(world, "0.0001", 31)
    deliver(world, "0.0001", 100)
    deliver(world, "0.0001", 160)
    world.writer.close()  # without loop.stop(): the bars in memory are gone
    again = worlds()
    again.connect()
    deliver(again, "0.0001", 300)
    deliver(again, "0.0001", 400)
    deliver(again, "0.0001", 401)
    details = [detail for kind, detail in again.events() if kind == "missing-bar"]
    assert details == ["1 minute from 2025-12-03T01:36Z on: ingest ended before they were written"]


def test_bars_are_pruned_by_the_earlier_clock(world: IngestWorld) -> None:
    world.connect()
    insert = "INSERT INTO bar VALUES ('binance', 'OLDUSDT', {0}, {1}, 1, 1, 1, 1, NULL, NULL, 1)"
    with closing(plainly(world.path)) as plain:
        for period, days in ((60, 1.9), (60, 2.1), (3600, 399), (3600, 401)):
            start = int(START - days * 86_400)
            plain.execute(insert.format(period, start - start % 60))
    world.time.advance(86_400 * 30)  # a wall clock that is wrong
    for second in (31, 100):
        world.deliver(message(row(E=START_MS + second * 1000)))
    kept = rows(world.path, "SELECT period, count(*) FROM bar WHERE symbol = 'OLDUSDT' GROUP BY 1")
    assert kept == [(60, 1), (3600, 1)]


def test_bars_of_one_symbol_are_found_without_reading_the_others(world: IngestWorld) -> None:
    insert = "INSERT INTO bar VALUES ('binance', ?, 60, ?, 1, 1, 1, 1, NULL, NULL, 1)"
    with closing(plainly(world.path)) as plain:
        for start in range(600, 1_800, 60):
            for symbol in ("AUSDT", "BTCUSDT"):
                if (start, symbol) != (900, "BTCUSDT"):
                    plain.execute(insert, (symbol, start))
        found = plain.execute(BARS_OF_SYMBOL, ("btcusdt", "binance", 60, 720, 5)).fetchall()
        assert [bar[3] for bar in found] == [1_740, 1_680, 1_620, 1_560, 1_500]
        found = plain.execute(BARS_OF_SYMBOL, ("BTCUSDT", "binance", 60, 0, 99)).fetchall()
        assert len(found) == 19
        assert plain.execute(BARS_OF_SYMBOL, ("BTCUSDT", "binance", 3600, 0, 9)).fetchall() == []
        plan = plain.execute(
            f"EXPLAIN QUERY PLAN {BARS_OF_SYMBOL}", ("A", "b", 60, 0, 5)
        ).fetchall()
    assert "PRIMARY KEY (exchange=? AND period=? AND start=? AND symbol=?)" in str(plan)


def test_retired_symbol_is_forgotten(scored: IngestWorld) -> None:
    scored.interpreter.forget(["BTCUSDT"])
    assert scored.interpreter._meaning.tracks == {}


def test_bars_of_a_locked_store_are_written_later(scored: IngestWorld) -> None:
    with closing(plainly(scored.path)) as plain:
        plain.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked):
            scored.interpreter.stop(START, 1.0)
        plain.execute("ROLLBACK")
    scored.interpreter.stop(START, 1.0)
    assert len(bars(scored, 60)) == 1


def test_rate_beyond_the_cap_is_one_event_when_it_begins(scored: IngestWorld) -> None:
    scored.interpreter._cap = 0.04

    def told() -> list[str]:
        return [event.detail for event in scored.interpreter._check_rates(START)]

    deliver(scored, "0.31", 4)
    assert told() == []
    deliver(scored, "-0.40", 5)
    assert told() == [
        "BTCUSDT: -40.0000% in 8 h is -5.0000% an hour, more than 4.0000%: it is not ranked"
    ]
    deliver(scored, "-0.41", 6)
    deliver(scored, "0.31", 7)
    assert told() == [], "near the cap it is still the same"
    deliver(scored, "0.0001", 8)
    assert told() == []
    deliver(scored, "0.40", 9)
    assert len(told()) == 1


def test_rates_are_looked_at_now_and_then(world: IngestWorld) -> None:
    world.interpreter._cap = 0.04
    world.connect()
    deliver(world, "0.40", 0)
    known(world.path)
    for second in (3, 33, 34, 70):
        deliver(world, "0.40", second)
    assert world.kinds().count("rate-beyond-cap") == 1
