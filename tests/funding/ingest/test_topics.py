"""What each connection subscribes to, and what is left out."""

from funding.exchanges.exchange import Plan
from funding.ingest.topics import EXCLUDED_SECONDS, MOST_SUSPECTS, Share, Topics


def planned(*connections: str) -> Topics:
    topics = Topics()
    topics.apply(Plan([list(each) for each in connections]))
    return topics


def test_connections_that_lack_a_topic_are_named() -> None:
    topics = planned("AB", "C")
    assert topics.count == 2
    assert topics.apply(Plan([["A"], ["C", "D"], ["E"]])) == [1]
    assert topics.apply(Plan([["A"], ["C", "D"]])) == []
    assert topics.of(1, 0.0).topics == ["C", "D"]
    assert topics.of(2, 0.0) == Share((), frozenset())


def test_topics_without_an_answer_are_suspects_and_come_last() -> None:
    topics = planned("ABCD")
    assert topics.ended(("B", "C"), 0.0) is None
    assert topics.of(0, 0.0) == Share(["A", "D", "B", "C"], frozenset("BC"))


def test_suspect_that_ends_a_connection_alone_is_left_out_for_an_hour() -> None:
    topics = planned("ABC")
    assert topics.ended(("B",), 0.0) is None, "one loss may be a coincidence"
    assert topics.ended(("B",), 10.0) == "B"
    assert topics.of(0, 10.0 + EXCLUDED_SECONDS - 1).topics == ["A", "C"]
    assert topics.missing(11.0) == {"B": "it ended the connection"}
    assert topics.of(0, 10.0 + EXCLUDED_SECONDS).topics == ["A", "B", "C"]
    assert topics.missing(10.0 + EXCLUDED_SECONDS) == {}


def test_connection_that_ends_with_all_answered_is_nobodys_fault() -> None:
    topics = planned("AB")
    assert topics.ended((), 0.0) is None
    assert topics.of(0, 0.0).suspects == frozenset()


def test_missing_markets_are_named_beside() -> None:
    topics = Topics()
    topics.apply(Plan([["A"]], {"xyz": "timed out"}))
    topics.ended(("A",), 0.0)
    topics.ended(("A",), 0.0)
    assert topics.missing(1.0) == {"xyz": "timed out", "A": "it ended the connection"}


def test_suspects_are_bounded() -> None:
    topics = Topics()
    names = [f"N{number}" for number in range(2 * MOST_SUSPECTS)]
    topics.apply(Plan([names]))
    topics.ended(names[:MOST_SUSPECTS], 0.0)
    topics.ended(names[MOST_SUSPECTS:], 0.0)
    assert topics.of(0, 0.0).suspects == set(names[MOST_SUSPECTS:])
