"""harness/machines/observed.py: what is judged of what observers saw."""

from harness.machines import observed
from harness.machines.observed import Kept, Line


def quote(at: float, name: str, event_time: int, taker: str = "a") -> Line:
    return {"kind": "quote", "at": at, "name": name, "event_time": event_time, "taker": taker}


def value(revision: int, event_time: int) -> Line:
    return {"kind": "value", "at": 0.0, "name": "x.A", "revision": revision,
            "event_time": event_time}  # fmt: skip


def poll(at: float, newest: float | None, count: int = 1) -> Line:
    return {"kind": "poll", "at": at, "newest": newest, "count": count}


def test_last_line_may_be_torn() -> None:
    assert observed.parse('{"at": 1}\n{"at": 2}\n{"at"') == [{"at": 1}, {"at": 2}]
    assert observed.parse('{"at"') == []


def test_only_a_symbols_own_quotes_go_back() -> None:
    lines = [quote(1, "A", 5), quote(2, "B", 3), quote(3, "A", 5), quote(4, "A", 4)]
    assert observed.steps_back(lines) == [observed.Step(4, "A", 5, 4)]
    assert observed.steps_back([*lines, quote(5, "A", 6)]) == [observed.Step(4, "A", 5, 4)]


def test_values_are_judged_by_their_revisions() -> None:
    behind, again = value(7, 10), value(1, 30)
    assert observed.values_back([value(8, 20), behind, value(9, 25), again, value(2, 40)]) == []
    assert len(observed.values_back([value(8, 20), value(9, 10)])) == 1
    assert len(observed.values_back([value(8, 20), again, value(2, 29)])) == 1


def test_recovery_is_a_quote_of_an_event_after_the_fault() -> None:
    lines = [quote(9.9, "A", 9_900), quote(10.1, "A", 9_990), quote(12.5, "A", 12_400)]
    assert observed.recovered_after(lines, 10.0) == 2.5
    assert observed.recovered_after(lines[:2], 10.0) is None


def test_longest_gap_is_told_up_to_the_end() -> None:
    lines = [quote(1, "A", 1), quote(2, "B", 2), quote(6, "A", 3), quote(7, "A", 3)]
    assert observed.longest_gap(lines, 0.0, 7.0) == 4.0
    assert observed.longest_gap(lines, 0.0, 20.0) == 14.0
    assert observed.longest_gap([], 3.0, 5.0) == 2.0


def test_age_of_the_newest_quote() -> None:
    lines = [poll(1, 0.5), poll(2, 2.5), poll(3, None, 0), poll(9, 80.0)]
    assert observed.oldest_newest(lines, 0.0, 5.0) == 2.5
    assert observed.oldest_newest(lines, 3.0, 5.0) is None
    assert observed.without_quotes(lines, 0.0, 5.0) == (3, 1)


def test_duplicates_of_both_and_of_one() -> None:
    lines = [quote(1, "A", 1), quote(2, "A", 1, "b"), quote(3, "A", 2), quote(4, "A", 2)]
    assert observed.both_at_once(lines) == 1
    assert observed.sent_twice(lines) == 1
    assert observed.takers(lines, 0, 3) == {"a": 2, "b": 1}


def test_trail_tells_lost_rows_and_those_that_are_there_twice() -> None:
    def event(number: int, at: float) -> Kept:
        body = {"taker": "a", "id": number, "at": at}
        return observed.kept("funding-trail.event.a", body)

    stream = [event(1, 1.0), event(2, 2.0), event(2, 2.0), event(3, 99.0)]
    judged = observed.trail(stream, "event", "a", [(1, 1.0), (2, 2.0), (3, 3.0)])
    assert judged == observed.Trail(3, (3,), 1)
    assert "1 missing [3]" in str(judged)
    ended = observed.kept("funding-trail.event.a", {**stream[0].body, "durationSeconds": 4.0})
    judged = observed.trail([*stream, ended], "event", "a", [(1, 1.0)])
    assert judged == observed.Trail(1, (), 0, 1)
    assert str(judged).endswith("1 again with their end")
    assert observed.trail(stream, "event", "b", [(1, 1.0)]).missing == (1,)


def test_signal_of_two_takers_is_one_message() -> None:
    body = {"taker": "a", "id": 7, "exchange": "x", "symbol": "A", "kind": "move", "zone": None,
            "direction": "up", "eventTime": 5, "detail": "above 3: 3.1"}  # fmt: skip
    stream = [observed.kept("funding-trail.signal.x", body)]
    same, other = (("x", "A", "move", None, "up", at, "above 3: 3.2") for at in (5, 6))
    assert observed.signals(stream, [(1, same)]) == observed.Trail(1, (), 0)
    assert observed.signals(stream, [(1, (*same[:-1], "above 4"))]).missing == (1,)
    assert observed.signals(stream * 2, [(1, same), (2, other)]) == observed.Trail(2, (2,), 1)
