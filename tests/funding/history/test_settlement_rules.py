"""Which settlements have passed: by crossing their time, whatever the next time does meanwhile."""

from itertools import pairwise

import pytest

from funding.history.settlement_rules import GIVE_UP_MS, SettlementWatch
from funding.model.settlement import Announced

HOUR = 3_600_000
START = 490_000 * HOUR
AT = START / 1_000
PUBLISHED_SECONDS = 5.0


def announced(next_hour: float, interval: int | None = 8, symbol: str = "A") -> list[Announced]:
    return [Announced(symbol, START + round(next_hour * HOUR), interval, 0.0, "A", None)]


def due_at(watch: SettlementWatch, hour: float) -> dict[str, int]:
    return watch.due(AT + hour * 3_600)


def test_time_is_crossed_and_need_not_be_met() -> None:
    watch = SettlementWatch({"A": START}, PUBLISHED_SECONDS)
    watch.look(announced(8), AT + 3_600)
    assert due_at(watch, 1) == {}
    # Nobody looked for hours, and the quote names the next one already.
    watch.look(announced(16), AT + 9.5 * 3_600)
    assert due_at(watch, 9.5) == {"A": START + 8 * HOUR}


@pytest.mark.parametrize("seconds", [PUBLISHED_SECONDS, 62.0])
def test_rate_is_asked_for_when_it_is_answered(seconds: float) -> None:
    watch = SettlementWatch({"A": START}, seconds)
    watch.look(announced(8), AT + 8 * 3_600 - 1)
    watch.look(announced(8), AT + 8 * 3_600)
    assert watch.due(AT + 8 * 3_600 + seconds - 1) == {}
    assert watch.due(AT + 8 * 3_600 + seconds) == {"A": START + 8 * HOUR}


def test_next_time_that_moves_while_it_lies_ahead_was_no_settlement() -> None:
    watch = SettlementWatch({"A": START}, PUBLISHED_SECONDS)
    watch.look(announced(8), AT + 60)
    watch.look(announced(4, interval=4), AT + 900)  # 8 h → 4 h
    watch.look(announced(1, interval=1), AT + 1_000)  # → 1 h
    watch.look(announced(2, interval=1), AT + 3_700)
    assert due_at(watch, 1.1) == {"A": START + HOUR}
    watch.asked("A", START + HOUR + 3, AT + 3_710)
    watch.look(announced(8), AT + 3_800)  # and back
    watch.look(announced(8), AT + 5 * 3_600)
    assert due_at(watch, 5) == {}


def test_first_look_knows_what_passed_before_it() -> None:
    fresh = SettlementWatch({"A": START + 3}, PUBLISHED_SECONDS)
    fresh.look(announced(8), AT + 60)
    assert due_at(fresh, 1) == {}
    for known in ({}, {"A": START - 8 * HOUR}):
        watch = SettlementWatch(dict(known), PUBLISHED_SECONDS)
        watch.look(announced(8), AT + 60)
        assert due_at(watch, 0.1) == {"A": START}
    unknown = SettlementWatch({}, PUBLISHED_SECONDS)
    unknown.look(announced(8, interval=None), AT + 60)
    assert due_at(unknown, 0.1) == {}, "without an interval nothing can be said"


def test_late_settlement_is_asked_for_again_with_growing_pauses() -> None:
    watch = SettlementWatch({"A": START - 8 * HOUR}, PUBLISHED_SECONDS)
    watch.look(announced(8), AT + 10)
    times, at = [], AT + 10
    while at < AT + 24 * 60:
        if watch.due(at):
            times.append(at - AT)
            assert not watch.asked("A", START - 8 * HOUR, at)
        at += 1
    assert times[0] <= 15
    assert 5 <= len(times) <= 9
    assert max(b - a for a, b in pairwise(times)) <= 600
    watch.look(announced(8), at + 600)
    assert watch.due(at + 600)
    assert not watch.asked("A", START + 24 * 60_000, at + 600)
    watch.look(announced(8), at + 601)
    assert watch.due(at + 9_999) == {}


def test_missed_settlement_is_given_up_once() -> None:
    watch = SettlementWatch({"A": START - 8 * HOUR}, PUBLISHED_SECONDS)
    watch.look(announced(8), AT + 10)
    given_up = [
        watch.asked("A", None, AT + seconds)
        for seconds in range(20, GIVE_UP_MS // 1_000 + 100, 60)
        if watch.due(AT + seconds)
    ]
    assert given_up.count(True) == 1
    watch.look(announced(8), AT + 2 * 3_600)
    assert due_at(watch, 3) == {}
    watch.look(announced(16), AT + 8 * 3_600 + 20)
    assert due_at(watch, 8.1) == {"A": START + 8 * HOUR}
    assert watch.attempts("A") == 0


def test_settlement_some_minutes_early_or_late_is_the_announced_one() -> None:
    for late_ms in (-1_000, 3, 24 * 60_000):
        watch = SettlementWatch({"A": START - 8 * HOUR}, PUBLISHED_SECONDS)
        watch.look(announced(8), AT + 10)
        watch.asked("A", START + late_ms, AT + 20)
        assert due_at(watch, 0.9) == {}
