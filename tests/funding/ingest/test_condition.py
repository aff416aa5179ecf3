"""A condition: one event from its begin to its end, and a count where it comes and goes."""

from funding.ingest.condition import AGAIN_SECONDS, Condition
from funding.model.event import Event, EventKind

WALL = 1_764_725_610.0


def test_event_is_added_at_the_begin_and_has_its_duration_at_the_end() -> None:
    condition = Condition(EventKind.LAG)
    assert condition.update(False, "late", WALL, 10.0) is None
    begun = condition.update(True, "late", WALL, 11.0)
    assert begun == Event(WALL, "ingest", EventKind.LAG, "late")
    assert condition.active
    assert condition.update(True, "later", WALL + 5, 16.0) is None
    ended = condition.update(False, "", WALL + 9, 20.0)
    assert ended == Event(WALL, "ingest", EventKind.LAG, "late", duration_seconds=9.0)
    assert not condition.active


def test_what_comes_again_within_a_minute_is_the_same_event() -> None:
    condition = Condition(EventKind.LAG)
    condition.update(True, "late", WALL, 0.0)
    condition.update(False, "", WALL, 10.0)
    assert condition.update(True, "late", WALL, 10.0 + AGAIN_SECONDS - 1) is None
    ended = condition.update(False, "", WALL, 100.0)
    assert ended == Event(WALL, "ingest", EventKind.LAG, "late", duration_seconds=100.0, count=2)
    later = condition.update(True, "late again", WALL + 500, 100.0 + AGAIN_SECONDS)
    assert later == Event(WALL + 500, "ingest", EventKind.LAG, "late again")
