"""Which gaps are asked about, and what is said of those that stay."""

from funding.history.gap_rules import AGAIN_SECONDS, filled, missed, question, stored, to_ask
from funding.model.settlement import StoredGap
from funding.statistics.intervals import Gap
from tests.support.history_world import NOW, hour

OLD = Gap(hour(-100), hour(-84), 1, 8)
FRESH = Gap(hour(-16), hour(-4), 2, 8)


def test_a_gap_is_asked_about_once_and_a_fresh_one_again_each_hour() -> None:
    assert to_ask([OLD, FRESH], [], NOW) == [OLD, FRESH]
    known = stored([OLD, FRESH], NOW)
    assert to_ask([OLD, FRESH], known, NOW + 60) == []
    assert to_ask([OLD, FRESH], known, NOW + AGAIN_SECONDS) == [FRESH]
    assert to_ask([OLD, FRESH], known, NOW + 90_000) == []


def test_one_question_spans_all_gaps_without_their_ends() -> None:
    assert question("A", [FRESH, OLD]) == ("A", hour(-100) + 1, hour(-4) - 1)


def test_a_gap_that_is_none_any_more_is_filled() -> None:
    known = stored([OLD, FRESH], NOW)
    assert filled([FRESH], known, hour(-200)) == [known[0]]
    assert filled([FRESH], known, hour(-90)) == [], "older than the window: nothing is known of it"
    assert stored([OLD], NOW) == [StoredGap(OLD.after_time, OLD.before_time, 1, NOW)]


def test_a_settlement_that_a_whole_class_missed_is_one_event() -> None:
    late = [Gap(hour(-8, jitter), hour(8), 1, 4) for jitter in range(3)]
    found = missed({"A": [late[0]], "B": [late[1], OLD], "C": [late[2]], "D": []}, NOW)
    assert [(each.kind, each.detail, each.count) for each in found] == [
        ("missed-settlement", "1 settlement after 2025-11-24T08:00Z missed: A, B, C", 3),
        ("missed-settlement", "1 settlement after 2025-11-20T12:00Z missed: B", 1),
    ]
    assert "2 settlements" in missed({"A": [FRESH]}, NOW)[0].detail
