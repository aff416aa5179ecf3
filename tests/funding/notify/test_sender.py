"""Sending to a backend that fails, hangs, answers 500 and 401, or loses its answer."""

import threading
from contextlib import closing
from typing import Any

import pytest

from funding.errors import PostError
from funding.model.alert import TargetName
from funding.notify.backend import Reply
from funding.notify.sender import LEASE_SECONDS, POST_SECONDS
from funding.notify.targets import Target
from funding.settings.secret import Secret
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from harness.processes import WAIT_SECONDS, until
from tests.support.clock import rows
from tests.support.fake_backend import CHAT, KEY, TOKEN, FakeBackend, serving
from tests.support.outbox_scene import HANG_SECONDS, PATH, Scene, target


def test_posts_are_sent_in_order_and_marked(scene: Scene) -> None:
    for name in "abc":
        scene.alert(name)
    scene.pass_time(1)
    assert scene.accepted == ["a", "b", "c"]
    assert scene.delivery.waiting == 0
    marked = rows(scene.path, "SELECT attempts, sent_at, last_error FROM outbox")
    assert marked == [(1, scene.hand.wall - 1, None)] * 3
    keys = {seen.headers["idempotency-key"] for seen in scene.far.seen}
    assert len(keys) == 3


@pytest.mark.parametrize("answer", [500, 503, 401, 403, 429, 408, 425, 302, "hang"])
def test_backend_that_failed_gets_every_post_once_it_has_recovered(
    scene: Scene, answer: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, never_sent = scene.backend.post, list[PostError]()

    def counted(*arguments: Any) -> Reply:
        try:
            return post(*arguments)
        except PostError as error:
            if "ConnectTimeout" in str(error):  # on a machine too busy for HANG_SECONDS
                never_sent.append(error)
            raise

    monkeypatch.setattr(scene.backend, "post", counted)
    scene.far.answer = answer
    for name in "abc":
        scene.alert(name)
    if answer == "hang":
        scene.backend.timeout = HANG_SECONDS
    scene.pass_time(20 if answer == "hang" else 120)  # a hang takes real time
    tried = rows(scene.path, "SELECT sum(attempts) FROM outbox")[0][0]
    until(lambda: len(scene.far.seen) == tried - len(never_sent), "every attempt has arrived")
    assert scene.accepted == []
    assert {seen.body["name"] for seen in scene.far.seen} == {"a"}  # the others wait behind it
    assert len(scene.far.seen) <= 10
    scene.far.answer, scene.backend.timeout = 200, WAIT_SECONDS
    scene.pass_time(61)
    assert scene.accepted == ["a", "b", "c"]
    assert scene.far.repeated == 0


def test_hour_of_a_dead_backend_loses_and_doubles_no_post(scene: Scene) -> None:
    """With alerts all the while, restarts, and answers that are lost."""
    names = [f"alert {number}" for number in range(12)]
    for number, name in enumerate(names):
        scene.far.answer = (500, 401, 503)[number % 3]
        scene.alert(name)
        scene.pass_time(150, step=15)
        scene.restart()
        scene.pass_time(150, step=15)
    assert scene.accepted == []
    assert len(scene.far.seen) < 12 * 20
    scene.restart()
    scene.far.answer = "lose"
    scene.pass_time(5, step=5)
    assert scene.far.accepted
    scene.far.answer = 200
    scene.pass_time(130)
    assert sorted(scene.accepted) == sorted(names)  # some stood aside
    assert scene.far.repeated >= 1  # under the same key: the backend has it once
    assert scene.delivery.waiting == 0


def test_backend_that_is_not_there_at_all(scene: Scene) -> None:
    real = scene.far.port
    scene.delivery = scene.to(target(FakeBackend(port=1)))
    scene.alert("a")
    scene.pass_time(300, step=5)
    assert scene.delivery.waiting == 1
    assert rows(scene.path, "SELECT last_error FROM outbox") == [("NewConnectionError",)]
    assert scene.far.port == real
    scene.restart()
    scene.pass_time(66)
    assert scene.accepted == ["a"]


def test_delays_grow_to_a_minute(scene: Scene) -> None:
    scene.far.answer = 500
    scene.alert("a")
    scene.pass_time(1_800, step=5)
    assert 30 <= len(scene.far.seen) <= 37


def test_retry_after_is_respected(scene: Scene) -> None:
    scene.far.answer, scene.far.headers = 429, {"Retry-After": "300"}
    scene.alert("a")
    scene.pass_time(299)
    assert len(scene.far.seen) == 1
    scene.far.answer = 200
    scene.pass_time(2)
    assert scene.accepted == ["a"]


def test_wait_that_the_target_states_outlives_a_restart(scene: Scene) -> None:
    scene.far.answer, scene.far.headers = 429, {"Retry-After": "300"}
    scene.alert("a")
    scene.pass_time(1)
    scene.far.answer = 200
    scene.restart()
    scene.pass_time(290)
    assert len(scene.far.seen) == 1
    scene.pass_time(10)
    assert scene.accepted == ["a"]


@pytest.mark.parametrize("answer", [400, 404, 409, 413, 422])
def test_refused_post_waits_alone(scene: Scene, answer: int) -> None:
    scene.far.answer = answer
    scene.alert("bad")
    scene.pass_time(1)
    scene.far.answer = 200
    scene.alert("good")
    scene.pass_time(1)
    assert scene.accepted == ["good"]
    assert rows(scene.path, "SELECT last_error FROM outbox WHERE sent_at IS NULL") == [
        (f"status {answer}",)
    ]
    scene.pass_time(60)
    assert scene.accepted == ["good", "bad"]


def test_post_that_is_always_refused_is_tried_at_growing_intervals(scene: Scene) -> None:
    scene.far.answer = 400
    scene.alert("bad")
    scene.pass_time(10 * POST_SECONDS, step=30)
    assert 8 <= len(scene.far.seen) <= 16
    assert scene.delivery.waiting == 1


def due_in(scene: Scene) -> float:
    """Seconds until the only post is due again."""
    ((due_at,),) = rows(scene.path, "SELECT due_at FROM outbox")
    return float(due_at) - scene.hand.wall


def test_refused_post_waits_twice_as_long_each_time_up_to_an_hour(scene: Scene) -> None:
    scene.far.answer = 400
    scene.alert("bad")
    waits = []
    for _ in range(8):
        assert scene.delivery.send_next(), "another post may follow at once"
        waits.append(due_in(scene))
        scene.hand.advance(waits[-1])
    assert waits == [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]


def test_wait_of_a_refused_post_is_jittered_down_to_three_fifths(scene: Scene) -> None:
    scene.far.answer = 400
    scene.alert("bad")
    scene.delivery = scene.to(target(scene.far), uniform=lambda low, _: low)
    scene.delivery.send_next()
    assert due_in(scene) == pytest.approx(36, abs=0.001)


def test_failing_target_is_tried_at_delays_that_double_up_to_a_minute(scene: Scene) -> None:
    scene.far.answer = 500
    scene.alert("a")
    waits: list[float] = []
    while len(waits) < 9:
        scene.delivery.send_next()
        assert due_in(scene) <= 0, "the target waits, not the post"
        waits.append(0.0)
        while len(scene.far.seen) == len(waits):
            scene.hand.advance(0.375)
            waits[-1] += 0.375
            assert not scene.delivery.send_next()
    assert waits == [0.375, 0.75, 1.5, 3, 6, 12, 24, 45, 45]


@pytest.mark.parametrize(("headers", "seconds"), [({}, 60), ({"Retry-After": "300"}, 305)])
def test_post_at_which_the_target_failed_ten_times_lets_the_others_go_first(
    scene: Scene, headers: dict[str, str], seconds: float
) -> None:
    scene.far.answer = 500
    scene.alert("a")
    for attempt in range(1, 11):
        scene.far.headers = headers if attempt == 10 else {}
        scene.delivery.send_next()
        assert len(scene.far.seen) == attempt
        assert due_in(scene) == (seconds if attempt == 10 else 0)
        scene.hand.advance(60)


def test_log_tells_once_that_a_target_fails_and_that_it_recovered(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "outbox")
    for name in "abc":
        scene.alert(name)
    scene.far.answer = 500
    scene.pass_time(60)
    assert [r.getMessage() for r in caplog.records] == ["backend: status 500; posts wait, retrying"]
    caplog.clear()
    scene.far.answer = 200
    scene.pass_time(60)
    assert scene.accepted == ["a", "b", "c"]
    assert [r.getMessage() for r in caplog.records] == ["backend recovered"]


def test_log_tells_once_that_a_post_is_refused(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.far.answer = 400
    scene.alert("bad")
    scene.pass_time(1)
    assert len(caplog.records) == len(scene.far.seen) == 1
    scene.pass_time(600, step=5)
    assert len(scene.far.seen) == 4
    assert [r.getMessage() for r in caplog.records] == [
        f"backend refuses a post to {PATH}: status 400; kept, retrying"
    ]


def test_several_posts_at_which_the_backend_fails_do_not_delay_the_others(scene: Scene) -> None:
    """They are older, and while one stands aside for a minute another is due."""
    for name in ("bad", "worse", "worst"):
        scene.alert(name)
        scene.far.fails[name] = 500
    scene.pass_time(3 * 600)
    for name in "abcde":
        scene.alert(name)
    scene.pass_time(120)
    assert scene.accepted == ["a", "b", "c", "d", "e"]
    scene.far.fails.clear()
    scene.pass_time(200)
    assert scene.delivery.waiting == 0


def test_post_at_which_the_backend_fails_delays_the_others_for_minutes_only(
    scene: Scene,
) -> None:
    scene.far.fails = {"bad": 500}
    for name in ("bad", "good"):
        scene.alert(name)
    scene.pass_time(8 * 60, step=5)
    assert scene.accepted == ["good"]
    tried = len(scene.far.seen)
    scene.alert("later")
    scene.pass_time(70, step=5)
    assert scene.accepted == ["good", "later"]
    scene.pass_time(30 * 60, step=5)
    assert len(scene.far.seen) - tried < 45  # once a minute, without end
    scene.far.fails = {}
    scene.pass_time(66)
    assert scene.accepted == ["good", "later", "bad"]


def test_clock_that_was_wrong_delays_no_post(scene: Scene) -> None:
    """Written, refused, under way: while the clock was a year ahead."""
    scene.hand.wall += 365 * 86_400
    scene.far.answer = 404
    for name in "ab":
        scene.alert(name)
        scene.delivery.send_next()
    scene.alert("c")
    now = scene.hand.wall
    assert scene.store.take("volume_alert", "backend", now, now + LEASE_SECONDS)
    scene.alert("d")
    scene.hand.wall -= 365 * 86_400
    scene.far.answer = 200
    scene.restart()
    scene.pass_time(1)
    assert scene.accepted == ["a", "b", "c", "d"]


def test_clock_set_back_by_minutes_delays_no_new_post(scene: Scene) -> None:
    scene.alert("a")
    scene.hand.wall -= 1_800
    scene.pass_time(1)
    assert scene.accepted == ["a"]


def test_no_answer_delays_a_post_for_longer_than_an_hour(scene: Scene) -> None:
    scene.far.answer, scene.far.headers = 404, {"Retry-After": "86400"}
    scene.alert("a")
    scene.pass_time(1)
    scene.far.answer = 200
    scene.pass_time(3_630, step=30)
    assert scene.accepted == ["a"]


def test_post_of_a_process_that_died_is_sent_after_its_lease(scene: Scene) -> None:
    scene.alert("a")
    now = scene.hand.wall
    assert scene.store.take("volume_alert", "backend", now, now + LEASE_SECONDS)
    scene.restart()
    scene.pass_time(LEASE_SECONDS)
    assert scene.accepted == []
    scene.pass_time(1)
    assert scene.accepted == ["a"]


def test_post_under_way_is_not_sent_by_another_process(scene: Scene) -> None:
    scene.alert("a")
    scene.far.answer = "hang"
    turning = threading.Thread(target=scene.delivery.send_next)
    turning.start()
    until(lambda: scene.far.seen, "the post is under way")
    with closing(DurableConnection(scene.path)) as other:
        now, store = scene.hand.wall, OutboxStore(other)
        assert store.take("volume_alert", "backend", now + LEASE_SECONDS - 1, now) is None
    scene.far.released.set()
    turning.join()


def test_failing_target_does_not_delay_another_target(scene: Scene) -> None:
    scene.alert("a", "backend", "backend-dev")
    scene.far.answer = 500
    scene.pass_time(1)
    with serving() as dev:
        sending = scene.to(Target(TargetName.BACKEND_DEV, dev.address, Secret(KEY)))
        assert sending.send_next()
        assert [body["name"] for body in dev.bodies(PATH)] == ["a"]
        assert not sending.send_next()
    assert scene.delivery.waiting == 1


def test_telegram_gets_the_message_and_the_chat(scene: Scene) -> None:
    telegram = Target(TargetName.TELEGRAM, scene.far.address, Secret(TOKEN), Secret(CHAT))
    scene.alert("币安人生 — SPIKE", "telegram")
    assert scene.to(telegram).send_next()
    (seen,) = scene.far.seen
    assert seen.path == f"/bot{TOKEN}/sendMessage"
    assert seen.body == {"chat_id": CHAT, "text": "币安人生 — SPIKE"}
    assert "x-api-key" not in seen.headers


def test_secrets_reach_neither_log_nor_store(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    telegram = Target(TargetName.TELEGRAM, scene.far.address, Secret(TOKEN), Secret(CHAT))
    for answer in (500, 401, 400, "hang", 200):
        scene.far.answer = answer
        scene.backend.timeout = HANG_SECONDS if answer == "hang" else WAIT_SECONDS
        scene.alert(f"{answer}", "backend", "telegram")
        for to in (target(scene.far), telegram, target(FakeBackend(port=1))):
            scene.to(to).send_next()
    stored = b"".join(path.read_bytes() for path in scene.path.parent.iterdir())
    for secret in (KEY, TOKEN, CHAT):
        assert secret not in caplog.text
        assert secret.encode() not in stored
        assert secret not in repr(telegram) + repr(target(scene.far))
    assert "status 500" in caplog.text
