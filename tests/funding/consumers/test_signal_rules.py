"""Which signals are told when."""

from funding.consumers.signal_rules import (
    BATCH_SECONDS,
    LINES,
    MAX_WAITING,
    OLD_SECONDS,
    Caps,
    SignalBatches,
)
from tests.support.signals import AT, extreme, signal

TARGETS = ("telegram", "webhook")


def batches(symbol: int = 1_000, messages: int = 1_000) -> SignalBatches:
    return SignalBatches(TARGETS, Caps(symbol, messages))


def test_extreme_signal_is_told_at_once_with_all_that_wait() -> None:
    waiting = batches()
    waiting.add([signal("A")], AT)
    assert not waiting.due(AT)
    waiting.add([extreme("B")], AT + 1)
    assert waiting.due(AT + 1)
    one, two = waiting.take(AT + 1)
    assert [each.symbol for each in one.signals] == ["B", "A"]
    assert (one.target, two.target, one.many_more) == ("telegram", "webhook", 0)
    assert not waiting.due(AT + 100)


def test_others_are_told_together_after_five_seconds() -> None:
    waiting = batches()
    waiting.add([signal("A")], AT)
    waiting.add([signal("B")], AT + 4)
    assert not waiting.due(AT + BATCH_SECONDS - 0.1)
    assert waiting.due(AT + BATCH_SECONDS)
    assert [each.symbol for each in waiting.take(AT + BATCH_SECONDS)[0].signals] == ["A", "B"]


def test_clock_that_was_set_back_delays_nothing() -> None:
    waiting = batches(messages=1)
    waiting.add([extreme()], AT)
    waiting.take(AT)
    waiting.add([signal()], AT)
    assert waiting.due(AT - 9_000)


def test_symbol_beyond_its_cap_is_counted_and_told_again_after_an_hour() -> None:
    waiting = batches(symbol=2)
    for second in range(4):
        waiting.add([extreme("A")], AT + second)
        told = waiting.take(AT + second)
        assert [len(each.signals) for each in told] == ([1, 1] if second < 2 else [])
    waiting.add([extreme("B"), extreme("A")], AT + 4)
    told = waiting.take(AT + 4)
    assert [(len(each.signals), each.many_more) for each in told] == [(1, 3), (1, 3)]
    waiting.add([extreme("A", at=AT + 3_600)], AT + 3_601)
    assert [each.many_more for each in waiting.take(AT + 3_601)] == [0, 0]


def test_messages_of_a_minute_are_capped_and_nothing_is_lost() -> None:
    waiting = batches(messages=2)
    sent = []
    for second in range(70):
        waiting.add([extreme(f"S{second}", at=AT + second)], AT + second)
        if waiting.due(AT + second):
            sent.append((second, waiting.take(AT + second)[0]))
    assert [second for second, _ in sent] == [0, 1, 60, 61]
    assert len(sent[2][1].signals) == LINES
    assert sum(len(each.signals) + each.many_more for _, each in sent) == 62


def test_what_is_only_counted_is_no_message() -> None:
    waiting = batches(symbol=1, messages=2)
    for second in range(5):
        waiting.add([extreme("A", at=AT + second)], AT + second)
        waiting.take(AT + second)
    waiting.add([extreme("B", at=AT + 5)], AT + 5)
    assert waiting.due(AT + 5)
    assert waiting.take(AT + 5)[0].many_more == 4


def test_long_message_counts_the_rest_and_extreme_ones_come_first() -> None:
    waiting = batches()
    waiting.add([signal(f"S{n}") for n in range(30)] + [extreme("LAST")], AT)
    told, _ = waiting.take(AT)
    assert told.signals[0].symbol == "LAST"
    assert (len(told.signals), told.many_more) == (LINES, 11)


def test_old_signals_are_counted_only() -> None:
    waiting = batches()
    waiting.add([signal("OLD", at=AT - OLD_SECONDS - 1), signal("NEW")], AT)
    told, _ = waiting.take(AT)
    assert ([each.symbol for each in told.signals], told.many_more) == (["NEW"], 1)


def test_signal_of_one_target_is_told_there_alone() -> None:
    waiting = batches()
    waiting.add([signal("A", target="telegram"), signal("B", target="backend")], AT)
    (told,) = waiting.take(AT)
    assert (told.target, [each.symbol for each in told.signals]) == ("telegram", ["A"])


def test_storm_is_under_no_symbol_cap_and_counts_all_of_its_symbols() -> None:
    waiting = batches(symbol=1)
    waiting.add([extreme("*", symbols=200), extreme("*", symbols=50)], AT)
    assert [len(each.signals) for each in waiting.take(AT)] == [2, 2]
    waiting.add([extreme("*", symbols=200, at=AT - 1e5), extreme("A")], AT)
    assert waiting.take(AT)[0].many_more == 200


def test_what_waits_is_bounded() -> None:
    waiting = batches()
    waiting.add([signal(f"S{n}") for n in range(MAX_WAITING + 7)], AT)
    assert waiting.waiting == MAX_WAITING
    assert waiting.take(AT)[0].many_more == MAX_WAITING + 7 - LINES
