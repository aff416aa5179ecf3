"""What is sent over a connection: paced subscriptions, keep-alives, and suspects one by one."""

from collections.abc import Sequence

from funding.exchanges.exchange import KeepAlive, Opening, Subscription
from funding.exchanges.frame import Frame
from funding.ingest.session import CONFIRM_SECONDS, Session
from funding.model.quote import Quote


def opening(topics: Sequence[str] = (), *, between: float = 0.5, welcomed: bool = False) -> Opening:
    subscriptions = [Subscription(topic.encode(), (topic,)) for topic in topics]
    ping = KeepAlive(lambda number: b"ping%d" % number, 30.0)
    return Opening("ws://unused", subscriptions, ping, welcomed, between)


def acknowledged(*topics: str) -> Frame:
    return Frame([], acknowledged=topics)


def test_subscriptions_are_paced() -> None:
    session = Session(opening("AB"), 100.0)
    assert session.due(100.0) == [b"A"]
    assert session.due(100.4) == []
    assert session.wait(100.4) == 100.5 - 100.4
    assert session.due(100.5) == [b"B"]
    assert session.due(200.0) == [b"ping1"]


def test_nothing_is_sent_before_the_welcome() -> None:
    session = Session(opening("A", welcomed=True), 100.0)
    assert session.due(100.0) == []
    assert session.wait(100.0) == 1.0
    session.note(Frame([], welcome=True))
    assert session.due(100.0) == [b"A"]


def test_keep_alive_is_sent_again_and_again() -> None:
    session = Session(opening(), 100.0)
    assert session.due(129.9) == []
    assert session.wait(129.9) < 0.11
    assert session.due(130.0) == [b"ping1"]
    assert session.due(159.0) == []
    assert session.due(160.0) == [b"ping2"]
    silent = Session(Opening("ws://unused"), 0.0)
    assert (silent.due(1e6), silent.wait(0.0)) == ([], 1.0)


def test_topic_is_confirmed_by_its_answer_or_its_first_quote() -> None:
    session = Session(opening("ABC", between=0.0), 100.0)
    for _ in range(3):
        session.due(100.0)
    assert session.unconfirmed() == ("A", "B", "C")
    session.note(acknowledged("B", "X"))
    session.note(Frame([Quote("A", 1.0, 1.0, None, None, 1)]))
    assert session.unconfirmed() == ("C",)


def test_suspects_are_sent_when_all_before_them_are_confirmed() -> None:
    session = Session(opening("ABC", between=0.0), 100.0, suspects="BC")
    assert session.due(100.0) == [b"A"]
    assert session.due(100.1) == []
    assert 0 < session.wait(100.1) <= 0.1
    session.note(acknowledged("A"))
    assert session.due(100.2) == [b"B"]
    assert session.due(100.3) == []
    assert session.unconfirmed() == ("B",)
    session.note(acknowledged("B"))
    assert session.due(100.4) == [b"C"]


def test_topic_that_never_answers_does_not_hold_the_suspects_up_for_ever() -> None:
    session = Session(opening("AB", between=0.0), 100.0, suspects="B")
    session.due(100.0)
    assert session.due(100.0 + CONFIRM_SECONDS - 0.1) == []
    assert session.due(100.0 + CONFIRM_SECONDS) == [b"B"]
    assert session.unconfirmed() == ("B",)
