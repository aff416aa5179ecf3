"""The plan for the connections, against an exchange and a clock that do as they are told."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding.ingest.connection_events import ENDINGS, Connect, ConnectionEvent, Disconnect, Report
from funding.ingest.connection_policy import CONNECT_SECONDS, ConnectionPolicy

DAY = 86_400.0
STALL = 5.0
TURN = 0.25
WINDOW_SECONDS = 300.0
MOST = 75


@dataclass
class Peer:
    """The far end of one connection; `due` says when each class comes next, once it is up."""

    answer_at: float
    open: bool = False
    rows: int = 0
    due: dict[int, float] = field(default_factory=dict)
    delivered: dict[int, float] = field(default_factory=dict)


class Exchange:
    """A plan, an exchange and a clock that only `run` moves.

    The switches say what happens to connections from now on. `gap` is the longest time, so far,
    in which no class 0 came by any connection.
    """

    def __init__(
        self,
        *,
        connections: int = 1,
        stall_after: float = STALL,
        rotate_after: float = 82_800.0,
        backoff_max: float = 5.0,
        uniform: Callable[[float, float], float] | None = None,
        seed: int = 1,
    ) -> None:
        self.random = random.Random(seed)
        self.now = 1_000.0
        self.plan = ConnectionPolicy(
            connections=connections,
            stall_after=stall_after,
            rotate_after=rotate_after,
            backoff_max=backoff_max,
            uniform=uniform or self.random.uniform,
            now=self.now,
        )
        self.connections = connections
        self.answers_after = 0.1
        self.refuses = ""
        self.retry_after = 0.0
        self.hangs = False
        self.classes = {0, 1}
        self.new_classes: set[int] | None = None  # of connections begun from now on
        self.frozen: set[int] = set()
        self.rows_before_close = 0
        self.pace = (0.6, 1.4)
        self.peers: dict[int, Peer] = {}
        self.limits: dict[int, set[int]] = {}
        self.opens: list[float] = []
        self.closes: list[tuple[float, Disconnect]] = []
        self.tells: list[tuple[float, Report]] = []
        self.ended: list[tuple[float, str]] = []
        self.last = self.now
        self.gap = 0.0

    def run(self, seconds: float, turn: float = TURN) -> "Exchange":
        """Let `seconds` pass, in turns."""
        end = self.now + seconds - turn / 2
        while self.now < end:
            self.now += turn
            for link, peer in list(self.peers.items()):
                self._act(link, peer)
            self._obey()
        return self

    def _act(self, link: int, peer: Peer) -> None:
        if not peer.open:
            if self.hangs or self.now < peer.answer_at:
                return
            if self.refuses:
                self.end(link, self.refuses, self.retry_after)
                return
            peer.open = True
            assert self.plan.heard(ConnectionEvent(link, "opened", self.now))
        for symbol_class in sorted(self.classes & self.limits.get(link, self.classes)):
            if link in self.frozen or self.now < peer.due.get(symbol_class, 0.0):
                continue
            self.plan.accepted(link, symbol_class, self.now, 1)
            peer.rows += 1
            peer.delivered[symbol_class] = self.now
            peer.due[symbol_class] = self.now + self.random.uniform(*self.pace)
            if symbol_class == 0:
                self.gap, self.last = max(self.gap, self.now - self.last), self.now
        if self.rows_before_close and peer.rows >= self.rows_before_close:
            self.end(link, "closed")

    def end(self, link: int, kind: str, retry_after: float = 0.0) -> None:
        """Connection `link` is over, by the exchange's doing."""
        del self.peers[link]
        self.ended.append((self.now, kind))
        assert self.plan.heard(ConnectionEvent(link, kind, self.now, "", retry_after))

    def _obey(self) -> None:
        for order in self.plan.step(self.now):
            if isinstance(order, Connect):
                assert order.link not in self.limits
                assert len(self.peers) < 2 * self.connections
                self.opens.append(self.now)
                self.peers[order.link] = Peer(self.now + self.answers_after)
                self.limits[order.link] = self.classes | {0, 1}
                if self.new_classes is not None:
                    self.limits[order.link] = self.new_classes
            elif isinstance(order, Disconnect):
                del self.peers[order.link]  # a KeyError: closed twice, or never begun
                assert order.kind in ENDINGS
                self.closes.append((self.now, order))
            else:
                self.tells.append((self.now, order))

    def kinds(self) -> list[str]:
        """Why the plan closed connections, in order."""
        return [close.kind for _, close in self.closes]


def most_in_a_window(times: list[float]) -> int:
    """The largest number of `times` in any five minutes, ends included."""
    most, first = 0, 0
    for index, at in enumerate(times):
        while at - times[first] > WINDOW_SECONDS:
            first += 1
        most = max(most, index - first + 1)
    return most


def longest(low: float, high: float) -> float:
    """A draw that always ends at the upper bound."""
    return high


def test_the_first_turn_connects() -> None:
    exchange = Exchange(connections=2).run(TURN)
    assert len(exchange.opens) == 2
    assert exchange.plan.attempts == 2
    assert exchange.plan.open_links() == 0
    exchange.run(1.0)
    assert exchange.plan.open_links() == 2


def test_three_days_of_a_healthy_feed_replace_nothing_but_by_rotation() -> None:
    exchange = Exchange()
    exchange.pace = (0.2, 3.9)
    exchange.run(3 * DAY, turn=1.0)
    assert exchange.kinds() == ["rotated"] * 3
    assert len(exchange.opens) == 4
    assert exchange.tells == []
    assert exchange.gap <= STALL


@pytest.mark.parametrize("connections", [1, 2, 3, 4])
def test_rotation_leaves_no_moment_without_a_flowing_connection(connections: int) -> None:
    exchange = Exchange(connections=connections, rotate_after=600.0).run(7_200.0)
    assert set(exchange.kinds()) == {"rotated"}
    assert len(exchange.closes) >= 11 * connections
    assert exchange.gap <= 2.0
    assert exchange.plan.open_links() >= connections


def test_a_connection_is_never_older_than_asked() -> None:
    exchange = Exchange(rotate_after=600.0).run(7_200.0)
    ages = [
        close_at - open_at
        for open_at, (close_at, _) in zip(exchange.opens, exchange.closes, strict=False)
    ]
    assert all(500.0 <= age <= 605.0 for age in ages)
    assert len(set(ages)) > 3, "rotations are jittered"


def test_two_connections_rotate_half_a_rotation_apart() -> None:
    exchange = Exchange(connections=2, rotate_after=3_600.0).run(10 * 3_600.0, turn=0.5)
    times = [at for at, _ in exchange.closes]
    assert len(times) >= 18
    for one, two in pairwise(times):
        assert two - one > 900.0


def test_the_old_connection_stays_until_the_new_one_has_every_class() -> None:
    exchange = Exchange(rotate_after=600.0)
    exchange.run(500.0)
    exchange.pace = (3.0, 4.0)
    exchange.run(120.0)
    ((at, close),) = exchange.closes
    assert close.link == 1
    assert set(exchange.peers[2].delivered) == {0, 1}
    assert exchange.now - at < 100.0


def test_a_successor_that_lacks_a_class_is_given_up_and_tried_again_later() -> None:
    exchange = Exchange(rotate_after=600.0)
    exchange.run(10.0)
    exchange.new_classes = {0}
    exchange.run(1_200.0)
    assert set(exchange.kinds()) == {"class-silent"}
    assert 1 in exchange.peers, "the old connection has both classes"
    assert exchange.gap <= 2.0
    assert len(exchange.closes) <= 12, "about one a minute"
    assert len(exchange.tells) == 0
    exchange.new_classes = None
    exchange.run(120.0)
    assert exchange.kinds()[-1] == "rotated"
    assert 1 not in exchange.peers


def test_a_successor_that_is_silent_leaves_the_old_one_alone() -> None:
    exchange = Exchange(rotate_after=600.0)
    exchange.run(10.0)
    exchange.new_classes = set()
    exchange.run(1_200.0)
    assert set(exchange.kinds()) == {"silent"}
    assert 1 in exchange.peers
    assert exchange.gap <= 2.0
    assert most_in_a_window(exchange.opens) <= MOST


def test_a_successor_that_is_refused_leaves_the_old_one_alone() -> None:
    exchange = Exchange(rotate_after=600.0)
    exchange.run(10.0)
    exchange.refuses = "handshake"
    exchange.run(1_200.0)
    assert exchange.closes == []
    assert 1 in exchange.peers
    assert exchange.gap <= 2.0
    exchange.refuses = ""
    exchange.run(10.0)
    assert exchange.kinds() == ["rotated"]


def test_the_successor_takes_over_when_the_old_one_is_lost() -> None:
    exchange = Exchange(rotate_after=600.0)
    exchange.run(10.0)
    exchange.new_classes = {0}
    while len(exchange.peers) < 2:
        exchange.run(TURN)
    exchange.run(1.0)
    exchange.end(1, "lost")
    exchange.run(2.0)
    assert list(exchange.peers) == [2]
    assert len(exchange.opens) == 2
    # It is the slot's connection now: what it lacks brings a successor of its own.
    exchange.new_classes = None
    exchange.run(30.0)
    assert exchange.kinds() == ["rotated"]
    assert list(exchange.peers) == [3]


def test_an_announced_end_brings_a_successor_at_once() -> None:
    exchange = Exchange().run(60.0)
    assert exchange.plan.heard(ConnectionEvent(1, "ending", exchange.now, "shutdown"))
    exchange.run(TURN)
    assert len(exchange.opens) == 2
    exchange.run(3.0)
    assert exchange.kinds() == ["rotated"]
    assert exchange.gap <= 2.0


@pytest.mark.parametrize("stall_after", [2.0, 5.0, 30.0])
def test_a_stall_is_noticed_and_the_connection_replaced(stall_after: float) -> None:
    exchange = Exchange(stall_after=stall_after).run(60.0)
    exchange.frozen = {1}
    last = exchange.last
    exchange.run(stall_after + 2.0)
    ((at, close),) = exchange.closes
    assert (close.link, close.kind) == (1, "stall")
    assert close.detail == f"no newer mark price for {stall_after:g} s"
    assert 0 < at - last - stall_after <= 0.5 + TURN
    assert exchange.opens[1] - at <= 1.0
    assert exchange.last > at


@pytest.mark.parametrize("answers_after", [0.1, 3.0, 9.0])
@pytest.mark.parametrize("stall_after", [5.0, 7.5])
def test_a_connection_that_never_delivers_is_told_by_its_name(
    answers_after: float, stall_after: float
) -> None:
    exchange = Exchange(stall_after=stall_after)
    exchange.classes, exchange.answers_after = set(), answers_after
    exchange.run(answers_after + stall_after + 2 * TURN + TURN)
    ((at, close),) = exchange.closes
    assert close.kind == "silent"
    words = f"connected but no mark price within {stall_after:g} s: is the address still served?"
    assert close.detail == words
    # Counted from the handshake: neither from the attempt nor from a first row.
    opened = exchange.opens[0] + answers_after
    assert stall_after < at - opened <= stall_after + 3 * TURN


def test_the_default_words() -> None:
    exchange = Exchange()
    exchange.classes = set()
    exchange.run(6.0)
    assert exchange.closes[0][1].detail == (
        "connected but no mark price within 5 s: is the address still served?"
    )


def test_an_attempt_that_hangs_is_given_up() -> None:
    exchange = Exchange()
    exchange.hangs = True
    exchange.run(CONNECT_SECONDS + 1.0)
    ((at, close),) = exchange.closes
    assert close.kind == "timeout"
    assert CONNECT_SECONDS < at - exchange.opens[0] <= CONNECT_SECONDS + 2 * TURN
    patient = Exchange(stall_after=30.0)
    patient.hangs = True
    assert patient.run(29.0).closes == []


def test_one_silent_class_brings_one_successor_and_is_then_left_alone() -> None:
    exchange = Exchange().run(60.0)
    exchange.classes = {0}
    exchange.run(3_600.0)
    assert len(exchange.opens) == 2, "one replacement"
    assert exchange.kinds() == ["rotated"], "by a successor, before the old one ends"
    assert [tell.kind for _, tell in exchange.tells] == ["class-silent"] * 2
    first, second = (tell.detail for _, tell in exchange.tells)
    assert first == "symbol class 1 silent for 5 s: trying another connection"
    assert second.endswith("on another connection too: left alone")
    assert exchange.gap <= 2.0
    assert exchange.tells[0][0] - 1_060.0 < STALL + 1.0


def test_a_class_that_is_back_is_missed_again() -> None:
    exchange = Exchange().run(60.0)
    for _ in range(2):
        exchange.classes = {0}
        exchange.run(60.0)
        exchange.classes = {0, 1}
        exchange.run(60.0)
    assert len(exchange.opens) == 3
    assert exchange.kinds() == ["rotated"] * 2


def test_a_class_that_one_connection_alone_lacks_is_back_after_its_replacement() -> None:
    exchange = Exchange().run(60.0)
    exchange.limits[1] = {0}
    exchange.run(60.0)
    assert exchange.kinds() == ["rotated"]
    assert [tell.kind for _, tell in exchange.tells] == ["class-silent"]
    assert set(exchange.peers[2].delivered) == {0, 1}


def test_a_class_seen_once_or_twice_is_not_missed() -> None:
    exchange = Exchange().run(60.0)
    for _ in range(2):
        exchange.plan.accepted(1, 5, exchange.now, 1)
    exchange.run(3_600.0)
    assert exchange.tells == []
    exchange.plan.accepted(1, 5, exchange.now, 1)
    exchange.run(60.0)
    assert len(exchange.tells) == 2


def pauses(exchange: Exchange) -> list[float]:
    """From the end of each connection to the next attempt."""
    ends = sorted([at for at, _ in exchange.closes] + [at for at, _ in exchange.ended])
    return [begun - end for end, begun in zip(ends, exchange.opens[1:], strict=False)]


def test_the_first_retry_comes_within_a_second() -> None:
    exchange = Exchange(uniform=longest).run(60.0)
    exchange.end(1, "lost")
    exchange.run(2.0)
    assert exchange.opens[1] - exchange.ended[0][0] <= 1.0


def test_neither_handshakes_nor_time_reset_the_backoff() -> None:
    exchange = Exchange(uniform=longest)
    exchange.classes = set()
    exchange.run(120.0)
    assert set(exchange.kinds()) == {"silent"}
    assert pauses(exchange)[:7] == pytest.approx([0.5, 0.75, 1.5, 3.0, 3.75, 3.75, 3.75])


def test_an_accepted_quote_resets_the_backoff() -> None:
    exchange = Exchange(uniform=longest)
    exchange.refuses = "refused"
    exchange.run(60.0)
    assert max(pauses(exchange)) == pytest.approx(3.75)
    exchange.refuses = ""
    exchange.run(20.0)
    (link,) = exchange.peers
    exchange.end(link, "closed")
    exchange.run(2.0)
    assert pauses(exchange)[-1] == pytest.approx(0.5)


@pytest.mark.parametrize("backoff_max", [0.1, 5.0, 60.0])
def test_no_pause_is_longer_than_the_setting_or_the_bound_on_attempts(backoff_max: float) -> None:
    exchange = Exchange(backoff_max=backoff_max)
    exchange.refuses = "refused"
    exchange.run(1_800.0)
    assert max(pauses(exchange)) <= max(backoff_max, 5.0) + TURN


def test_a_server_that_feeds_and_closes_is_not_stormed() -> None:
    exchange = Exchange(connections=2)
    exchange.rows_before_close = 1
    exchange.run(3_600.0)
    assert most_in_a_window(exchange.opens) <= MOST
    assert len(exchange.opens) > 600, "but it is not given up either"


@given(st.floats(0.1, 80.0))
@settings(max_examples=25)
def test_after_an_outage_of_a_minute_quotes_flow_within_five_seconds(seconds: float) -> None:
    exchange = Exchange(uniform=longest).run(60.0)
    exchange.refuses = "refused"
    exchange.end(1, "lost")
    exchange.run(seconds)
    exchange.refuses = ""
    back = exchange.now
    exchange.run(5.0)
    assert exchange.last > back


@given(st.floats(0.1, 4_000.0), st.sampled_from(["dns", "refused", "unreachable", "handshake"]))
@settings(max_examples=25)
def test_after_an_outage_of_any_length_an_attempt_comes_within_five_seconds(
    seconds: float, kind: str
) -> None:
    exchange = Exchange().run(60.0)
    exchange.refuses = kind
    exchange.end(1, "lost")
    exchange.run(seconds)
    exchange.refuses = ""
    back, before = exchange.now, len(exchange.opens)
    exchange.run(6.0)
    waiting = [at for at in exchange.opens[before:] if at > back]
    assert exchange.last > back, "quotes flow again"
    assert not waiting or waiting[0] - back <= 5.0 + TURN


@pytest.mark.parametrize(
    ("kind", "retry_after", "least"),
    [
        ("rate-limited", 120.0, 120.0),
        ("rate-limited", 7.0, 7.0),
        ("rate-limited", 0.0, 30.0),
        ("restricted", 0.0, 60.0),
        ("restricted", 3_600.0, 3_600.0),
        ("handshake", 20.0, 20.0),
        ("handshake", 0.0, 0.0),
    ],
)
def test_a_refusal_waits_as_long_as_was_asked(kind: str, retry_after: float, least: float) -> None:
    exchange = Exchange()
    exchange.refuses, exchange.retry_after = kind, retry_after
    exchange.run(2 * TURN)
    ended = exchange.ended[0][0]
    exchange.refuses = ""
    exchange.run(least + 6.0)
    assert least <= exchange.opens[1] - ended <= max(least, 5.0) + 2 * TURN


def test_what_one_connection_was_asked_holds_for_all() -> None:
    exchange = Exchange(connections=2).run(60.0)
    exchange.refuses, exchange.retry_after = "rate-limited", 120.0
    exchange.end(1, "lost")
    exchange.run(5.0)
    asked, kind = exchange.ended[-1]
    assert kind == "rate-limited"
    exchange.end(2, "lost")
    exchange.run(100.0)
    assert len(exchange.opens) == 3
    exchange.run(60.0)
    assert exchange.opens[3] - asked >= 120.0


def test_a_loss_does_not_shorten_a_wait_that_was_asked() -> None:
    exchange = Exchange().run(60.0)
    exchange.refuses, exchange.retry_after = "rate-limited", 120.0
    assert exchange.plan.heard(ConnectionEvent(1, "ending", exchange.now, "shutdown"))
    exchange.run(2.0)
    asked, kind = exchange.ended[-1]
    assert kind == "rate-limited"
    exchange.end(1, "closed")
    exchange.run(110.0)
    assert len(exchange.opens) == 2
    exchange.run(20.0)
    assert exchange.opens[2] - asked >= 120.0


def test_what_is_over_is_over() -> None:
    exchange = Exchange().run(10.0)
    exchange.end(1, "lost")
    assert not exchange.plan.heard(ConnectionEvent(1, "lost", exchange.now))
    assert not exchange.plan.heard(ConnectionEvent(99, "opened", exchange.now))
    exchange.plan.accepted(1, 0, exchange.now, 1)
    assert exchange.plan.open_links() == 0
    exchange.run(2.0)
    assert exchange.plan.attempts == len(exchange.opens) == 2


def test_a_notice_changes_nothing() -> None:
    exchange = Exchange().run(10.0)
    assert exchange.plan.heard(ConnectionEvent(1, "notice", exchange.now, "too many subscriptions"))
    exchange.run(10.0)
    assert (exchange.closes, len(exchange.opens)) == ([], 1)


def disturb(exchange: Exchange, what: str) -> None:
    """One thing that may happen; "well" ends all others."""
    exchange.refuses, exchange.retry_after, exchange.hangs = "", 0.0, False
    exchange.rows_before_close, exchange.classes = 0, {0, 1}
    if what in ENDINGS:
        exchange.refuses = what
    elif what == "hang":
        exchange.hangs = True
    elif what == "lose":
        for link in list(exchange.peers):
            exchange.end(link, "lost")
    elif what == "freeze":
        exchange.frozen |= set(exchange.peers)
    elif what == "silence":
        exchange.classes = set()
    elif what == "half":
        exchange.classes = {0}
    elif what == "flap":
        exchange.rows_before_close = 1
    elif what == "announce":
        for link in exchange.peers:
            exchange.plan.heard(ConnectionEvent(link, "ending", exchange.now))


EVENTS = ["refused", "tls", "hang", "lose", "freeze", "silence", "half", "flap", "announce", "well"]


def recovered(exchange: Exchange, connections: int) -> Iterator[bool]:
    """What must be true once the exchange has been well for a while."""
    yield exchange.last > exchange.now - 3.0
    yield exchange.plan.open_links() >= connections
    yield most_in_a_window(exchange.opens) <= MOST
    yield exchange.plan.attempts == len(exchange.opens)


@given(
    st.integers(1, 3),
    st.floats(0.1, 10.0),
    st.lists(st.tuples(st.sampled_from(EVENTS), st.floats(0.5, 120.0)), max_size=12),
)
@settings(max_examples=40)
def test_whatever_happens_it_recovers_without_a_storm(
    connections: int, backoff_max: float, events: list[tuple[str, float]]
) -> None:
    exchange = Exchange(connections=connections, backoff_max=backoff_max, rotate_after=300.0)
    for what, seconds in events:
        disturb(exchange, what)
        exchange.run(seconds, turn=0.5)
    disturb(exchange, "well")
    exchange.run(40.0, turn=0.5)
    assert all(recovered(exchange, connections))


@pytest.mark.parametrize("seed", range(4))
def test_a_long_random_walk_makes_no_storm(seed: int) -> None:
    draw = random.Random(seed)
    exchange = Exchange(connections=1 + seed % 2, rotate_after=600.0, seed=seed)
    for _ in range(120):
        disturb(exchange, draw.choice(EVENTS))
        exchange.run(draw.expovariate(1 / 30.0), turn=0.5)
    disturb(exchange, "well")
    exchange.run(40.0, turn=0.5)
    assert all(recovered(exchange, exchange.connections))
