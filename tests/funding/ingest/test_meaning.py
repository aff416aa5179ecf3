"""What quotes mean and set off: scores, signals, bars."""

import pytest

from funding.ingest.inbox import Inbox
from funding.ingest.meaning import MAX_SIGNALS, Meaning
from funding.ingest.track import Remembered
from funding.model.contract import ContractStatus
from funding.model.quote import Quote
from funding.model.signal import Signal
from funding.statistics.score import Score, normal
from funding.statistics.thresholds import thresholds

START_MS = 1_764_000_000_000
SAMPLE = (1e-5, 1.25e-5, 1.25e-5, 1.5e-5)
FAR = 1 << 60
BP = 1e-4


def quote_of(
    rate: float | None = BP,
    *,
    second: float = 0,
    symbol: str = "BTCUSDT",
    mark: float = 100.0,
    settles: int | None = START_MS + 28_800_000,
) -> Quote:
    return Quote(symbol, mark, 99.0, rate, settles, START_MS + round(second * 1000))


def take(meaning: Meaning, *quotes: Quote) -> list[Score]:
    held = {quote.symbol: (quote, quote.event_time / 1000, 7.0) for quote in quotes}
    return meaning.take(held, FAR)


def usual(
    meaning: Meaning,
    symbol: str = "BTCUSDT",
    *,
    interval: int = 8,
    deviation: float = BP / 8,
    status: ContractStatus = ContractStatus.TRADING,
) -> None:
    """1 bp per 8 h is usual, with a deviation of 1 bp."""
    known = normal(status, interval, BP / 8, deviation, SAMPLE, None)
    meaning.set_normal(symbol, known, trades=status == ContractStatus.TRADING)


def trading(*symbols: str, toml: str = "") -> Meaning:
    meaning = Meaning("binance", thresholds(toml))
    for symbol in symbols or ("BTCUSDT",):
        usual(meaning, symbol)
    return meaning


def told(meaning: Meaning) -> list[Signal]:
    """The signals, which are then stored."""
    found = meaning.signals
    meaning.written()
    return found


def test_score_of_each_quote_in_their_order() -> None:
    meaning = trading("BTCUSDT")
    found = take(
        meaning, quote_of(2 * BP), quote_of(symbol="ETHUSDT"), quote_of(None, symbol="XUSDT")
    )
    assert found[0].z_score == (2 * BP / 8 - BP / 8) / (BP / 8)
    assert [each.z_reason for each in found] == [None, "no statistics yet", "no statistics yet"]
    assert (found[0].percentile, found[0].zone) == (100.0, "normal")


def test_same_rate_keeps_its_score_until_what_is_normal_changes() -> None:
    meaning = trading()
    (first,) = take(meaning, quote_of(2 * BP))
    (second,) = take(meaning, quote_of(2 * BP, second=1))
    assert second is first
    usual(meaning, deviation=BP / 16)
    assert take(meaning, quote_of(2 * BP, second=2))[0].z_score == pytest.approx(2.0)


def test_zone_signal_is_told_once_with_hysteresis() -> None:
    meaning = trading()
    seconds = iter(range(1, 10_000, 400))
    zones = []
    for bp in (1, 3.2, 2.95, 3.05, 2.85, 4.2, 3.95, 3.85, -2.5, 1.0):
        take(meaning, quote_of(bp * BP, second=next(seconds)))
        zones += [(bp, each.zone, each.direction) for each in told(meaning) if each.kind == "zone"]
    assert zones == [
        (3.2, "high", "up"),
        (2.85, "normal", "down"),
        (4.2, "extreme", "up"),
        (3.85, "high", "down"),
        (-2.5, "extreme", "down"),
        (1.0, "normal", "up"),
    ]


def test_signal_has_the_event_time_of_its_quote() -> None:
    meaning = trading()
    take(meaning, quote_of(1 * BP))
    late = quote_of(5 * BP, second=400)
    take(meaning, late)
    assert {each.event_time for each in told(meaning)} == {late.event_time}


def test_first_level_is_no_crossing_but_is_stored() -> None:
    meaning = trading()
    take(meaning, quote_of(9 * BP))
    assert meaning.levels == {"BTCUSDT": 2}
    assert told(meaning) == []
    assert meaning.levels == {}
    take(meaning, quote_of(1 * BP, second=400))
    assert [each.zone for each in told(meaning) if each.kind == "zone"] == ["normal"]


def test_restart_continues_from_the_stored_level() -> None:
    stored = Remembered(
        "BTCUSDT", 100.0, 99.0, 9 * BP, START_MS + 28_800_000, START_MS, 8.0, 100.0, 2
    )
    meaning = Meaning("binance", (), [stored])
    usual(meaning)
    take(meaning, quote_of(9 * BP, second=1), quote_of(symbol="ETHUSDT"))
    assert told(meaning) == []
    take(meaning, quote_of(1 * BP, second=2))
    assert [each.kind for each in told(meaning)] == ["move", "zone"]


def test_repeated_quote_sets_nothing_off() -> None:
    stored = Remembered("BTCUSDT", 100.0, 99.0, BP, START_MS + 28_800_000, START_MS, 0.0, 50.0, 0)
    meaning = Meaning("binance", (), [stored])
    usual(meaning)
    take(meaning, quote_of(9 * BP, second=0))
    assert told(meaning) == []
    assert meaning.tracks["BTCUSDT"].quotes == 0
    take(meaning, quote_of(9 * BP, second=1))
    assert [each.kind for each in told(meaning)] == ["move", "zone"]


def test_what_was_set_off_waits_while_the_store_is_locked() -> None:
    meaning = trading()
    take(meaning, quote_of(BP))
    take(meaning, quote_of(9 * BP, second=1))
    assert len(meaning.signals) == len(meaning.signals) == 2
    take(meaning, quote_of(9 * BP, second=2))
    assert [each.kind for each in told(meaning)] == ["move", "zone"]
    assert told(meaning) == []


def test_signals_that_wait_are_bounded() -> None:
    meaning = trading()
    for step in range(MAX_SIGNALS + 50):
        take(meaning, quote_of((1 + 9 * (step % 2)) * BP, second=step))
    assert sum(each.symbols for each in told(meaning)) == MAX_SIGNALS


def test_arbusdc_half_a_basis_point_from_its_pinned_window_is_no_signal() -> None:
    meaning = Meaning("binance")
    usual(meaning, "ARBUSDC", deviation=0.5 * BP / 8 / 99.5)
    take(meaning, quote_of(BP, symbol="ARBUSDC"))
    (score,) = take(meaning, quote_of(0.5 * BP, symbol="ARBUSDC", second=1))
    assert score.z_score == pytest.approx(-99.5)
    assert score.zone == "extreme"
    assert told(meaning) == []
    take(meaning, quote_of(-0.1 * BP, symbol="ARBUSDC", second=400))
    assert [(each.zone, each.direction) for each in told(meaning) if each.kind == "zone"] == [
        ("extreme", "down")
    ]


@pytest.mark.parametrize("status", ["SETTLING", "CLOSED", "PENDING", "UNKNOWN"])
def test_contract_that_does_not_trade_sets_nothing_off(status: str) -> None:
    meaning = Meaning(
        "binance", thresholds('[[threshold]]\nsymbol="*"\nfield="mark_price"\nabove=101')
    )
    usual(meaning, status=ContractStatus(status))
    take(meaning, quote_of(BP))
    (score,) = take(meaning, quote_of(9 * BP, second=1, mark=102.0))
    assert score.z_score is None
    assert score.z_reason is not None
    assert told(meaning) == []


def test_without_interval_there_is_neither_score_nor_signal() -> None:
    meaning = trading()
    usual(meaning, interval=0)
    take(meaning, quote_of(BP))
    (score,) = take(meaning, quote_of(9 * BP, second=1))
    assert score.z_reason == "the interval is not known"
    assert told(meaning) == []


def test_move_is_told_with_where_it_came_from() -> None:
    meaning = trading()
    take(meaning, quote_of(10 * BP))
    take(meaning, quote_of(10 * BP, second=500))
    take(meaning, quote_of(11.5 * BP, second=501))
    (signal,) = told(meaning)
    assert (signal.kind, signal.direction, signal.rate) == ("move", "up", 11.5 * BP)
    assert signal.detail == "from 0.1 % to 0.115 % per 8 h within 5 minutes"
    assert signal.at == START_MS / 1000 + 501
    take(meaning, quote_of(11.6 * BP, second=502))
    assert told(meaning) == []


def test_rate_of_the_next_settlement_has_not_moved() -> None:
    meaning = trading()
    take(meaning, quote_of(10 * BP), quote_of(10 * BP, second=299))
    take(meaning, quote_of(20 * BP, second=300, settles=START_MS + 57_600_000))
    assert told(meaning) == []
    take(meaning, quote_of(25 * BP, second=301, settles=START_MS + 57_600_000))
    assert [each.kind for each in told(meaning)] == ["move"]


def test_rate_of_before_an_outage_or_a_restart_is_told_while_it_is_young() -> None:
    for gap, expected in ((200, ["move"]), (400, [])):
        stored = Remembered(
            "BTCUSDT", 100.0, 99.0, 10 * BP, START_MS + 28_800_000, START_MS, None, None, 2
        )
        meaning = Meaning("binance", (), [stored])
        usual(meaning)
        take(meaning, quote_of(12 * BP, second=gap))
        assert [each.kind for each in told(meaning)] == expected


def test_threshold_is_crossed_once_and_again_after_a_return() -> None:
    toml = '[[threshold]]\nsymbol="btcusdt"\nfield="mark_price"\nabove=101\ntarget="telegram"'
    meaning = trading("BTCUSDT", "ETHUSDT", toml=toml)
    crosses = []
    for second, mark in enumerate((100.0, 101.0, 102.0, 100.5, 101.5)):
        take(meaning, quote_of(second=second, mark=mark), quote_of(symbol="ETHUSDT", mark=mark))
        crosses += [(second, each.kind, each.target) for each in told(meaning)]
    assert crosses == [(1, "cross", "telegram"), (4, "cross", "telegram")]


@pytest.mark.parametrize(
    ("field", "value", "rates"),
    [
        ("funding_rate", 2.5 * BP, (2, 3)),
        ("annualized_rate", 2.5 * BP * 1_095, (2, 3)),
        ("z_score", 1.5, (2, 3)),
        ("percentile", 90, (0, 3)),
    ],
)
def test_each_field_has_its_cross(field: str, value: float, rates: tuple[float, float]) -> None:
    toml = f'[[threshold]]\nsymbol="*"\nfield="{field}"\nabove={value}'
    meaning = trading(toml=toml)
    take(meaning, quote_of(rates[0] * BP))
    assert told(meaning) == []
    take(meaning, quote_of(rates[1] * BP, second=1))
    assert [each.kind for each in told(meaning) if each.kind == "cross"] == ["cross"]
    down = trading(toml=toml.replace("above", "below"))
    take(down, quote_of(rates[1] * BP))
    take(down, quote_of(rates[0] * BP, second=1))
    assert [each.direction for each in told(down) if each.kind == "cross"] == ["down"]


def test_threshold_is_compared_with_the_stored_quote_after_a_restart() -> None:
    toml = '[[threshold]]\nsymbol="*"\nfield="mark_price"\nabove=101'
    for mark, crosses in ((100.0, 1), (101.5, 0)):
        stored = Remembered("BTCUSDT", mark, 99.0, BP, None, START_MS, 0.0, 50.0, 0)
        meaning = Meaning("binance", thresholds(toml), [stored])
        usual(meaning)
        take(meaning, quote_of(second=1, mark=102.0, settles=None))
        assert len(told(meaning)) == crosses


def test_whole_class_at_once_is_one_signal() -> None:
    names = [f"S{n}USDT" for n in range(200)]
    meaning = trading(*names)
    take(meaning, *(quote_of(symbol=name) for name in names))
    take(meaning, *(quote_of(9 * BP, symbol=name, second=1) for name in names))
    move, zone = told(meaning)
    assert (move.symbol, move.symbols, zone.symbol, zone.symbols) == ("*", 200, "*", 200)
    take(meaning, *(quote_of(9 * BP, symbol=name, second=2) for name in names))
    assert told(meaning) == []


def test_bar_has_the_marks_of_its_minute() -> None:
    meaning = trading()
    for second, mark in ((0, 100.0), (20, 103.0), (40, 98.0), (59.9, 101.0), (60, 50.0)):
        take(meaning, quote_of(2 * BP, second=second, mark=mark))
    (bar,) = meaning.finished
    assert bar == (
        "binance", "BTCUSDT", 60, START_MS // 1000, 100.0, 103.0, 98.0, 101.0, 99.0, 2 * BP, 4
    )  # fmt: skip
    assert meaning.tracks["BTCUSDT"].open == 50.0


def test_retired_symbol_is_forgotten() -> None:
    meaning = trading()
    take(meaning, quote_of())
    meaning.forget(["BTCUSDT", "NEVERUSDT"])
    assert meaning.tracks == {}


def test_names_are_folded_as_in_the_inbox() -> None:
    assert Inbox(["币安usdt"])._symbols == {"币安USDT"}
    meaning = trading("币安USDT")
    meaning.take({"币安USDT": (quote_of(symbol="币安USDT"), 1.0, 1.0)}, FAR)
    assert list(meaning.tracks) == ["币安USDT"]
