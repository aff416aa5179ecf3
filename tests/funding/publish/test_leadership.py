"""Which of several takers publishes: each rule alone, then takers in a simulated network."""

from math import inf

import pytest

from funding.publish.leadership import (
    DULL_SECONDS,
    HEARTBEAT_SECONDS,
    IDLE,
    SILENCE_SECONDS,
    Data,
    Duty,
    Heartbeat,
    Leadership,
    Role,
    data_of,
    stream_age,
)
from tests.support.store import feed_of
from tests.support.takers import Network, Taker

STEP = 0.1


def ticks(
    taker: Leadership, start: float, seconds: float, data: Data = Data.LIVE
) -> tuple[float, Duty]:
    """Tick until a claim is asked for, or so many seconds have passed: when, and the last duty."""
    now, duty = start, IDLE
    while now < start + seconds and duty.claim is None:
        duty = taker.tick(now, connected=True, data=data)
        now += STEP
    return now, duty


def leader(taker: Leadership, term: int = 5) -> float:
    """Let it lead; until when it has."""
    now, duty = ticks(taker, 100.0, 9.0)
    assert duty.claim is not None
    taker.won(term)
    assert taker.tick(now, connected=True, data=Data.LIVE) == Duty(True, True, True, None, True)
    return now


def test_data_by_the_ages_of_frames_and_quotes() -> None:
    assert data_of(1.0, 1.0, 180.0) is Data.LIVE
    assert data_of(2.0, 2.0, 180.0) is Data.DULL
    assert data_of(900.0, 20.0, 180.0) is Data.DULL
    assert data_of(900.0, 181.0, 180.0) is Data.NONE


def test_age_of_a_stream_counts_its_lag_and_none_that_is_not_connected() -> None:
    feed = feed_of()
    assert stream_age(feed, 100.0) == inf
    feed.last_frame_uptime, feed.lag_seconds = 98.5, 2.0
    assert stream_age(feed, 100.0) == inf
    feed.connected = 1
    assert stream_age(feed, 100.0) == 3.5


def test_one_taker_listens_first_then_claims_a_key_that_is_not_there() -> None:
    taker = Leadership("a")
    now, duty = ticks(taker, 50.0, 9.0)
    assert now - 50.0 == pytest.approx(SILENCE_SECONDS + STEP)
    assert duty == Duty(claim=0)
    assert taker.tick(now, connected=True, data=Data.LIVE).claim is None, "one is under way"
    taker.won(7)
    assert (taker.role, taker.term) == (Role.LEADER, 7)


def test_key_of_an_earlier_run_is_claimed_at_its_revision() -> None:
    taker = Leadership("a")
    now, _ = ticks(taker, 0.0, 9.0)
    taker.lost(now, 57)
    later, duty = ticks(taker, now, 9.0)
    assert (duty.claim, round(later - now, 6)) == (57, SILENCE_SECONDS + STEP)


def test_bucket_made_anew_is_claimed_at_once() -> None:
    taker = Leadership("b")
    taker.heard(0.0, Heartbeat("a", 57, True))
    now, duty = ticks(taker, 0.0, 9.0)
    assert duty.claim == 57
    taker.lost(now, 0)
    assert taker.tick(now, connected=True, data=Data.LIVE).claim == 0
    taker.won(1)
    assert (taker.role, taker.term) == (Role.LEADER, 1)


def test_heartbeats_of_the_leader_keep_others_from_claiming() -> None:
    taker = Leadership("a")
    for tenth in range(100):
        if tenth % 5 == 0:
            taker.heard(tenth / 10, Heartbeat("b", 3, True))
        assert taker.tick(tenth / 10, connected=True, data=Data.LIVE) == IDLE


def test_heartbeats_of_an_older_term_do_not_count() -> None:
    taker = Leadership("a")
    taker.heard(0.0, Heartbeat("b", 4, True))
    for tenth in range(14):
        taker.heard(tenth / 10, Heartbeat("c", 3, True))
        taker.tick(tenth / 10, connected=True, data=Data.LIVE)
    assert ticks(taker, 1.4, 0.3)[1].claim == 4


def test_leader_sends_heartbeats_and_one_at_once_when_its_stream_ends() -> None:
    taker = Leadership("a")
    now = leader(taker)
    beats = [taker.tick(now + n / 10, connected=True, data=Data.LIVE).heartbeat for n in range(11)]
    assert [n for n, beat in enumerate(beats) if beat] == [5, 10]
    assert taker.tick(now + 1.1, connected=True, data=Data.DULL).heartbeat
    assert not taker.tick(now + 1.2, connected=True, data=Data.DULL).heartbeat


@pytest.mark.parametrize(
    ("beat", "goes_on"),
    [
        (Heartbeat("a", 6, True), False),
        (Heartbeat("z", 6, False), False),
        (Heartbeat("a", 4, True), True),
        (Heartbeat("a", 5, True), False),
        (Heartbeat("z", 5, True), True),
    ],
)
def test_of_two_that_publish_the_higher_term_or_the_first_name_goes_on(
    beat: Heartbeat, goes_on: bool
) -> None:
    taker = Leadership("m")
    now = leader(taker)
    taker.heard(now, beat)
    assert taker.tick(now + STEP, connected=True, data=Data.LIVE).publish is goes_on
    assert taker.term == (5 if goes_on else beat.term)


def test_without_an_answer_it_acts_under_the_known_term_and_claims_on() -> None:
    taker = Leadership("b")
    taker.heard(0.0, Heartbeat("a", 5, True))
    now, duty = ticks(taker, 0.0, 9.0)
    taker.unanswered(now)
    assert taker.tick(now, connected=True, data=Data.LIVE) == Duty(True, False, True, None, True)
    assert (taker.role, taker.term) == (Role.ACTING, 5)
    later, duty = ticks(taker, now, 9.0)
    assert (duty.claim, round(later - now, 6)) == (5, 1.0 + STEP)
    taker.won(6)
    assert taker.tick(later, connected=True, data=Data.LIVE).write_bucket


def test_who_acts_goes_on_after_a_lost_claim_until_the_winner_is_heard() -> None:
    taker = Leadership("a")
    taker.heard(0.0, Heartbeat("b", 5, True))
    now, _ = ticks(taker, 0.0, 9.0)
    taker.unanswered(now)
    now, _ = ticks(taker, now, 9.0)
    taker.lost(now, 6)
    duty = ticks(taker, now, 1.4)[1]
    assert (duty.publish, duty.claim) == (True, None)
    assert taker.term == 5, "it has not won the other"
    taker.heard(now + STEP, Heartbeat("c", 6, True))
    assert taker.tick(now + 2 * STEP, connected=True, data=Data.LIVE) == IDLE


def test_claim_without_an_answer_while_the_leader_is_heard_changes_nothing() -> None:
    taker = Leadership("b")
    taker.heard(0.0, Heartbeat("a", 5, True))
    now, _ = ticks(taker, 0.0, 9.0)
    taker.heard(now, Heartbeat("a", 5, True))
    taker.unanswered(now)
    assert taker.tick(now, connected=True, data=Data.LIVE) == IDLE


def test_claim_that_was_won_after_another_winner_was_heard_does_not_lead() -> None:
    taker = Leadership("b")
    now, _ = ticks(taker, 0.0, 9.0)
    taker.heard(now, Heartbeat("a", 8, True))
    taker.won(7)
    assert (taker.role, taker.term) == (Role.FOLLOWER, 8)


@pytest.mark.parametrize("how", ["frozen", "cut off", "nothing fresh"])
def test_leader_that_was_away_publishes_again_only_when_its_claim_is_won(how: str) -> None:
    taker = Leadership("a")
    now = leader(taker)
    if how == "cut off":
        assert taker.tick(now + STEP, connected=False, data=Data.LIVE) == IDLE
    elif how == "nothing fresh":
        assert taker.tick(now + STEP, connected=True, data=Data.NONE) == IDLE
    now += 3.5 if how == "frozen" else 2 * STEP
    assert taker.tick(now, connected=True, data=Data.LIVE) == Duty(claim=5)
    if how == "frozen":
        taker.lost(now, 6)
        assert taker.tick(now + STEP, connected=True, data=Data.LIVE) == IDLE
    else:
        taker.won(6)
        assert taker.tick(now + STEP, connected=True, data=Data.LIVE).began


def test_claim_won_while_it_cannot_publish_is_made_again_when_it_can() -> None:
    taker = Leadership("a")
    now, _ = ticks(taker, 0.0, 9.0)
    taker.tick(now, connected=False, data=Data.LIVE)
    taker.won(3)
    assert taker.tick(now + STEP, connected=False, data=Data.LIVE) == IDLE
    assert taker.tick(now + 2 * STEP, connected=True, data=Data.LIVE) == Duty(claim=3)


def test_taker_with_nothing_fresh_never_claims() -> None:
    taker = Leadership("a")
    assert ticks(taker, 0.0, 20.0, Data.NONE)[1] == IDLE


def test_taker_without_its_stream_leaves_the_first_claim_to_others() -> None:
    taker = Leadership("a")
    now, duty = ticks(taker, 0.0, 9.0, Data.DULL)
    assert (duty.claim, round(now, 6)) == (0, 3.0 + STEP)


def heard_dull(taker: Leadership, seconds: float, data: Data) -> float | None:
    """When it claims, while the leader says that its stream is away."""
    taker.tick(0.0, connected=True, data=data)
    for tenth in range(int(seconds * 10)):
        if tenth % 5 == 0:
            taker.heard(tenth / 10, Heartbeat("z", 3, False))
        if taker.tick(tenth / 10, connected=True, data=data).claim is not None:
            return tenth / 10
    return None


def test_leader_whose_stream_is_away_is_followed_by_one_that_is_live() -> None:
    assert heard_dull(Leadership("a"), 5.0, Data.LIVE) == pytest.approx(DULL_SECONDS)
    assert heard_dull(Leadership("a"), 5.0, Data.DULL) is None, "it has no better data"


def test_one_that_was_followed_by_another_is_not_followed_again() -> None:
    taker = Leadership("a")
    at = heard_dull(taker, 5.0, Data.LIVE)
    assert at is not None
    taker.lost(at, 4)
    assert ticks(taker, at, SILENCE_SECONDS)[1].claim is None


def test_who_has_lost_an_exchange_leaves_it_for_a_while() -> None:
    taker = Leadership("a")
    now = leader(taker)
    taker.heard(now, Heartbeat("z", 6, False))
    for tenth in range(140):
        if tenth % 5 == 0:
            taker.heard(now + tenth / 10, Heartbeat("z", 6, False))
        if taker.tick(now + tenth / 10, connected=True, data=Data.LIVE).claim is not None:
            break
    assert tenth == 100


def test_leader_on_a_machine_with_too_much_to_do_goes_on() -> None:
    taker = Leadership("a")
    now = leader(taker)
    for _ in range(5):
        now += 2.9
        duty = taker.tick(now, connected=True, data=Data.LIVE)
        assert (duty.publish, duty.claim) == (True, None)


def test_pause_of_the_exchange_changes_no_leader() -> None:
    taker = Leadership("a")
    assert heard_dull(taker, 3.0, Data.DULL) is None
    taker.tick(3.0, connected=True, data=Data.LIVE)
    taker.heard(3.1, Heartbeat("z", 3, False))
    taker.heard(3.3, Heartbeat("z", 3, True))
    assert ticks(taker, 3.4, 1.4)[1] == IDLE


def test_frozen_follower_listens_before_it_judges() -> None:
    taker = Leadership("a")
    taker.heard(0.0, Heartbeat("z", 3, False))
    taker.tick(0.1, connected=True, data=Data.LIVE)
    assert taker.tick(30.0, connected=True, data=Data.LIVE) == IDLE
    now, duty = ticks(taker, 30.1, 9.0)
    assert (duty.claim, round(now, 6)) == (3, 30.0 + SILENCE_SECONDS + STEP)


# Several takers in a network


def world(names: str = "ab", seed: int = 1) -> Network:
    """Takers that have run until one leads."""
    network = Network(names, seed)
    network.run(6.0)
    assert len(network.publishers) == 1
    return network


def settle(network: Network, gap: float = 3.0) -> Taker:
    """Run on: somebody publishes again within `gap` seconds, and in the end it is one."""
    network.run(12.0)
    assert network.longest_gap <= gap
    (only,) = network.publishers
    return only


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("names", ["a", "ab", "abc"])
def test_quiet_takers_have_one_leader_that_stays(names: str, seed: int) -> None:
    network = world(names, seed)
    changes = network.changes
    network.run(60.0)
    assert network.changes == changes
    assert network.longest_gap == 0.0


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("names", ["ab", "abc"])
def test_dead_leader_is_followed_within_three_seconds(names: str, seed: int, away: bool) -> None:
    network = world(names, seed)
    dead = network.publishers[0]
    network.jetstream = not away
    dead.alive = False
    assert settle(network) is not dead
    network.jetstream = True
    network.run(6.0)
    successor = network.publishers[0]
    assert successor.leadership.role is Role.LEADER
    network.revive(dead)
    assert settle(network) is successor, "who comes back does not take over"


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("seconds", [0.9, 1.4, 3.0, 10.0])
def test_frozen_leader_that_wakes_follows(seed: int, seconds: float) -> None:
    network = world("abc", seed)
    frozen = network.publishers[0]
    network.freeze(frozen, seconds)
    network.run(seconds + 12.0)
    assert network.longest_gap <= 3.0
    assert len(network.publishers) == 1
    if seconds >= 3.0:
        assert network.publishers[0] is not frozen


@pytest.mark.parametrize("seed", range(10))
def test_leader_cut_off_for_thirty_seconds_follows_afterwards(seed: int) -> None:
    network = world("abc", seed)
    lonely = network.publishers[0]
    network.cut(lonely)
    network.run(30.0)
    assert network.longest_gap <= 3.0
    network.cut(None)
    assert settle(network) is not lonely


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("others", [Data.LIVE, Data.DULL])
def test_leader_whose_feed_stops_keeps_on_only_where_nobody_has_better(
    seed: int, others: Data
) -> None:
    network = world("abc", seed)
    leader_now = network.publishers[0]
    for taker in network.takers:
        taker.data = Data.DULL if taker is leader_now else others
    network.live_gap_counts = others is Data.LIVE
    assert (settle(network) is leader_now) is (others is Data.DULL)
    changes = network.changes
    network.run(20.0)
    assert network.changes == changes


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("busy", [False, True])
def test_jetstream_away_for_ten_seconds_stops_nobody(seed: int, busy: bool) -> None:
    network = world("abc", seed)
    before, changes = network.publishers[0], network.changes
    network.jetstream = False
    if busy:
        before.alive = False
    network.run(10.0)
    network.jetstream = True
    after = settle(network)
    assert after.leadership.role is Role.LEADER
    assert network.longest_gap == 0.0 or busy
    if not busy:
        assert (after, network.changes) == (before, changes)


@pytest.mark.parametrize("seed", range(10))
def test_all_that_claim_without_an_answer_leave_it_to_one(seed: int) -> None:
    network = Network("abc", seed)
    network.jetstream = False
    network.run(6.0)
    assert len(network.publishers) == 1
    assert network.publishers[0].leadership.role is Role.ACTING


@pytest.mark.parametrize("seed", range(10))
def test_bucket_that_is_lost_keeps_its_leader_and_lets_another_follow(seed: int) -> None:
    network = world("ab", seed)
    dead, changes = network.publishers[0], network.changes
    network.revision = 0
    network.run(10.0)
    assert network.changes == changes
    dead.alive = False
    assert settle(network).leadership.term == 1
    network.revive(dead)
    settle(network)


@pytest.mark.parametrize("seed", range(40))
def test_no_two_leaders_share_a_term_whatever_happens(seed: int) -> None:
    """Losses, partitions, freezes, deaths and JetStream's absence at once; then peace."""
    network = Network("abc", seed)
    network.loss = 0.2
    for _ in range(12):
        network.trouble()
        network.run(3.0)
    network.peace()
    network.run(8.0)
    assert len(network.publishers) == 1
    changes = network.changes
    network.run(10.0)
    assert network.changes == changes
    assert network.publishers[0].leadership.role is Role.LEADER


def test_beats_that_come_late_change_little() -> None:
    """One in five is lost, each is late by up to 0.4 s: hardly ever three in a row."""
    network = world("abc", 3)
    network.loss, network.latest = 0.2, 0.4
    changes = network.changes
    network.run(120.0)
    assert network.changes - changes <= 6
    assert network.longest_gap <= HEARTBEAT_SECONDS
