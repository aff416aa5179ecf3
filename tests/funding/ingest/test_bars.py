"""When minutes are written, and which are missing."""

from funding.ingest.bars import LATE_MS, LONGEST_SECONDS, MAX_WAITING, Bars
from funding.ingest.track import MINUTE_MS, NO_MINUTE, Track
from funding.model.bar import Bar

MINUTE = 29_400_000
NOW = 1_000.0


def ms(minute: float) -> int:
    return round((MINUTE + minute) * MINUTE_MS)


def track(symbol: str, minute: int | None, *, last: int = NO_MINUTE, trades: bool = True) -> Track:
    found = Track(symbol, ())
    found.minute = NO_MINUTE if minute is None else MINUTE + minute
    found.last_minute = last if last == NO_MINUTE else MINUTE + last
    found.trades = trades
    found.open = found.high = found.low = 100.0
    found.quotes = 5
    return found


def a_bar(minute: int, symbol: str = "BTCUSDT") -> Bar:
    return Bar("binance", symbol, 60, (MINUTE + minute) * 60, 1.0, 1.0, 1.0, 1.0, 1.0, None, 1)


def test_minute_is_due_when_it_is_over_for_everybody() -> None:
    bars = Bars(NOW)
    assert not bars.due(ms(0.5), NOW)
    assert not bars.due(ms(1) + LATE_MS - 1, NOW)
    assert bars.due(ms(1) + LATE_MS, NOW)
    bars.collect("binance", [], [track("BTCUSDT", 0)], ms(1) + LATE_MS, NOW)
    assert not bars.due(ms(1.9), NOW)
    assert bars.due(ms(2) + LATE_MS, NOW)


def test_finished_and_ended_bars_are_collected_but_not_the_minute_under_way() -> None:
    bars = Bars(NOW)
    bars.due(ms(0), NOW)
    one, two = track("BTCUSDT", 1), track("ETHUSDT", 0)
    finished = [a_bar(0)]
    bars.collect("binance", finished, [one, two], ms(1) + LATE_MS, NOW)
    assert [(bar.symbol, bar.start // 60 - MINUTE) for bar in bars.waiting] == [
        ("BTCUSDT", 0), ("ETHUSDT", 0),
    ]  # fmt: skip
    assert finished == []
    assert one.minute == MINUTE + 1
    bars.written()
    assert bars.waiting == []


def test_minute_waits_for_rows_that_are_late() -> None:
    bars = Bars(NOW)
    early, late = track("BTCUSDT", 0), track("ETHUSDT", 1)
    bars.collect("binance", [], [early, late], ms(2) + 2_000, NOW)
    assert [bar.symbol for bar in bars.waiting] == ["BTCUSDT"]
    assert 2_000 < LATE_MS < 10_000
    assert late.minute == MINUTE + 1


def test_silent_feed_has_its_bars_written_too() -> None:
    bars = Bars(NOW)
    assert not bars.due(ms(0.5), NOW + LONGEST_SECONDS - 1)
    assert bars.due(ms(0.5), NOW + LONGEST_SECONDS)
    bars.collect("binance", [], [track("BTCUSDT", 0)], ms(0.5), NOW + LONGEST_SECONDS)
    assert len(bars.waiting) == 1
    assert bars.notes == []


def flowing(*tracks: Track, over: int = 1) -> list[str]:
    bars = Bars(NOW)
    bars.due(ms(over), NOW)
    bars.collect("binance", [], tracks, ms(over + 1) + LATE_MS, NOW)
    return bars.notes


def test_symbol_without_a_bar_while_the_feed_flowed_is_missing() -> None:
    others = [track(f"S{n}USDT", 1, last=0) for n in range(5)]
    (note,) = flowing(*others, track("LATEUSDT", None, last=0))
    assert note == "2025-11-24T16:01Z: LATEUSDT"
    others = [track(f"S{n}USDT", 2, last=1) for n in range(5)]
    (note,) = flowing(*others, track("LATEUSDT", None, last=1), over=2)
    assert note == "2025-11-24T16:02Z: LATEUSDT"
    others = [track(f"S{n}USDT", 1, last=0) for n in range(5)]
    assert flowing(*others, track("DEADUSDT", None, last=0, trades=False)) == []
    others = [track(f"S{n}USDT", 1, last=0) for n in range(5)]
    assert flowing(*others, track("GONEUSDT", None, last=-9)) == []


def test_many_missing_symbols_are_counted() -> None:
    tracks = [track(f"S{n:02}USDT", 1 if n < 20 else None, last=0) for n in range(35)]
    (note,) = flowing(*tracks)
    assert note.endswith("S29USDT and 5 more")


def test_feed_that_did_not_flow_misses_nothing() -> None:
    tracks = [track(f"S{n}USDT", 1 if n < 3 else None, last=0) for n in range(10)]
    assert flowing(*tracks) == []


def test_minutes_lost_with_the_process_before_are_told_once() -> None:
    bars = Bars(NOW, (MINUTE - 3) * 60, ms(-1))
    bars.collect("binance", [a_bar(0)], [], ms(1) + LATE_MS, NOW)
    (note,) = bars.notes
    assert note.startswith("2 minutes from ")
    assert note.endswith("Z on: ingest ended before they were written")
    bars.written()
    bars.collect("binance", [a_bar(1)], [], ms(2) + LATE_MS, NOW)
    assert bars.notes == []


def test_nothing_was_lost_where_the_process_before_ended_well() -> None:
    for last_start, last_time in ((MINUTE * 60, ms(0.9)), (None, ms(5)), (MINUTE * 60, None)):
        bars = Bars(NOW, last_start, last_time)
        bars.collect("binance", [a_bar(7)], [], ms(8) + LATE_MS, NOW)
        assert bars.notes == []


def test_minute_that_goes_on_after_a_kill_is_told_to_be_a_part() -> None:
    bars = Bars(NOW, (MINUTE - 1) * 60, ms(0.5))
    bars.collect("binance", [a_bar(0)], [], ms(1) + LATE_MS, NOW)
    (note,) = bars.notes
    assert note.startswith("1 minute from ")
    assert note.endswith("Z on, the last one in part: ingest ended before they were written")


def test_bars_that_wait_are_bounded() -> None:
    bars = Bars(NOW)
    bars.collect("binance", [a_bar(n) for n in range(MAX_WAITING + 5)], [], ms(1), NOW)
    assert len(bars.waiting) == MAX_WAITING
    assert bars.waiting[0].start == (MINUTE + 5) * 60
