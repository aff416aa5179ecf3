"""Sending: a backend that fails, hangs, answers 500 and 401, and one that loses its answer."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from funding.model.alert import Alert
from funding.notify.backend import BackendClient
from funding.notify.sender import LEASE_SECONDS, POST_SECONDS, Outbox, Sender, Target, targets
from funding.settings.consumers import read
from funding.settings.secret import Secret
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from harness.processes import until
from tests.support.clock import Hand, rows, write
from tests.support.fake_backend import CHAT, KEY, TOKEN, FakeBackend, serving

PATH = "/api/volume-alerts/ingest"


@dataclass
class Scene:
    """An outbox with a clock set by hand, a real store, a real backend."""

    path: Path
    hand: Hand
    far: FakeBackend
    connection: DurableConnection
    backend: BackendClient
    box: Outbox

    @property
    def store(self) -> OutboxStore:
        return OutboxStore(self.connection)

    def alert(self, name: str, *names: str) -> None:
        """Make an alert for each of these targets."""
        made = Alert(name, "volume_alert", "A", "SPIKE", self.hand.wall, name, PATH, {"name": name})
        self.store.complete("volume_alert", 0, self.hand.wall, [made], names or ["backend"])

    def restart(self) -> None:
        """The program anew, on the same file."""
        self.connection.close()
        self.box = outbox(self, target(self.far))

    def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Turns while so much time passes."""
        end = self.hand.wall + seconds
        while self.hand.wall < end:
            while self.box.turn():
                pass
            self.hand.pass_seconds(step)

    @property
    def accepted(self) -> list[str]:
        return [body["name"] for body in self.far.bodies(PATH)]


def target(far: FakeBackend, key: str = KEY) -> Target:
    return Target("backend", far.address, Secret(key))


def outbox(scene: Scene, to: Target) -> Outbox:
    return Outbox(
        "volume_alert", to, store=scene.store, backend=scene.backend, clock=scene.hand.clock(),
        uniform=lambda _, high: high,
    )  # fmt: skip


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    hand = Hand()
    path = tmp_path / "funding.db"
    write(path, hand.clock())
    with (
        serving() as far,
        closing(DurableConnection(path)) as connection,
        closing(BackendClient(0.3)) as backend,
    ):
        made: Any = Scene(path, hand, far, connection, backend, box=None)  # type: ignore[arg-type]
        made.box = outbox(made, target(far))
        yield made


def test_posts_go_in_order_and_are_marked(scene: Scene) -> None:
    for name in "abc":
        scene.alert(name)
    scene.pass_time(1)
    assert scene.accepted == ["a", "b", "c"]
    assert scene.box.waiting == 0
    marked = rows(scene.path, "SELECT attempts, sent_at, last_error FROM outbox")
    assert marked == [(1, scene.hand.wall - 1, None)] * 3
    keys = {seen.headers["idempotency-key"] for seen in scene.far.seen}
    assert len(keys) == 3


@pytest.mark.parametrize("answer", [500, 503, 401, 403, 429, 408, 302, "hang"])
def test_an_unwell_backend_gets_everything_once_it_is_well(scene: Scene, answer: int | str) -> None:
    scene.far.answer = answer
    for name in "abc":
        scene.alert(name)
    seconds = 20 if answer == "hang" else 120  # a hang takes real time
    scene.pass_time(seconds)
    assert scene.accepted == []
    assert {seen.body["name"] for seen in scene.far.seen} == {"a"}  # the others wait behind it
    assert len(scene.far.seen) <= 10
    scene.far.answer = 200
    scene.pass_time(61)
    assert scene.accepted == ["a", "b", "c"]
    assert scene.far.repeated == 0


def test_an_hour_of_a_dead_backend_loses_nothing_and_doubles_nothing(scene: Scene) -> None:
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
    assert scene.box.waiting == 0


def test_a_backend_that_is_not_there_at_all(scene: Scene) -> None:
    real = scene.far.port
    scene.box = outbox(scene, target(FakeBackend(port=1)))
    scene.alert("a")
    scene.pass_time(300, step=5)
    assert scene.box.waiting == 1
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


@pytest.mark.parametrize("answer", [400, 404, 409, 413, 422])
def test_a_post_that_is_refused_waits_alone(scene: Scene, answer: int) -> None:
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


def test_a_post_that_is_always_refused_is_tried_ever_more_seldom(scene: Scene) -> None:
    scene.far.answer = 400
    scene.alert("bad")
    scene.pass_time(10 * POST_SECONDS, step=30)
    assert 8 <= len(scene.far.seen) <= 16
    assert scene.box.waiting == 1


def test_several_that_it_cannot_take_do_not_take_turns_before_the_others(scene: Scene) -> None:
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
    assert scene.box.waiting == 0


def test_a_post_that_the_backend_cannot_take_holds_the_others_back_for_minutes_only(
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


def test_a_clock_that_was_wrong_delays_no_post(scene: Scene) -> None:
    """Written, refused, under way: while the clock was a year ahead."""
    scene.hand.wall += 365 * 86_400
    scene.far.answer = 404
    for name in "ab":
        scene.alert(name)
        scene.box.turn()
    scene.alert("c")
    now = scene.hand.wall
    assert scene.store.take("volume_alert", "backend", now, now + LEASE_SECONDS)
    scene.alert("d")
    scene.hand.wall -= 365 * 86_400
    scene.far.answer = 200
    scene.restart()
    scene.pass_time(1)
    assert scene.accepted == ["a", "b", "c", "d"]


def test_a_clock_set_back_by_minutes_delays_no_new_post(scene: Scene) -> None:
    scene.alert("a")
    scene.hand.wall -= 1_800
    scene.pass_time(1)
    assert scene.accepted == ["a"]


def test_no_answer_puts_a_post_off_for_longer_than_an_hour(scene: Scene) -> None:
    scene.far.answer, scene.far.headers = 404, {"Retry-After": "86400"}
    scene.alert("a")
    scene.pass_time(1)
    scene.far.answer = 200
    scene.pass_time(3_630, step=30)
    assert scene.accepted == ["a"]


def test_a_post_of_a_process_that_died_is_sent_after_its_lease(scene: Scene) -> None:
    scene.alert("a")
    now = scene.hand.wall
    assert scene.store.take("volume_alert", "backend", now, now + LEASE_SECONDS)
    scene.restart()
    scene.pass_time(LEASE_SECONDS)
    assert scene.accepted == []
    scene.pass_time(1)
    assert scene.accepted == ["a"]


def test_a_post_under_way_is_nobody_elses(scene: Scene) -> None:
    scene.alert("a")
    scene.far.answer = "hang"
    turning = threading.Thread(target=scene.box.turn)
    turning.start()
    until(lambda: scene.far.seen, "the post is under way")
    with closing(DurableConnection(scene.path)) as other:
        now, store = scene.hand.wall, OutboxStore(other)
        assert store.take("volume_alert", "backend", now + LEASE_SECONDS - 1, now) is None
    turning.join()


def test_two_targets_do_not_mind_each_other(scene: Scene) -> None:
    scene.alert("a", "backend", "backend-dev")
    scene.far.answer = 500
    scene.pass_time(1)
    with serving() as dev:
        box = outbox(scene, Target("backend-dev", dev.address, Secret(KEY)))
        assert box.turn()
        assert [body["name"] for body in dev.bodies(PATH)] == ["a"]
        assert not box.turn()
    assert scene.box.waiting == 1


def test_telegram_gets_the_message_and_the_chat(scene: Scene) -> None:
    telegram = Target("telegram", scene.far.address, Secret(TOKEN), Secret(CHAT))
    scene.alert("币安人生 — SPIKE", "telegram")
    assert outbox(scene, telegram).turn()
    (seen,) = scene.far.seen
    assert seen.path == f"/bot{TOKEN}/sendMessage"
    assert seen.body == {"chat_id": CHAT, "text": "币安人生 — SPIKE"}
    assert "x-api-key" not in seen.headers


def test_secrets_reach_neither_log_nor_store(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    telegram = Target("telegram", scene.far.address, Secret(TOKEN), Secret(CHAT))
    for answer in (500, 401, 400, "hang", 200):
        scene.far.answer = answer
        scene.alert(f"{answer}", "backend", "telegram")
        for to in (target(scene.far), telegram, target(FakeBackend(port=1))):
            outbox(scene, to).turn()
    stored = b"".join(path.read_bytes() for path in scene.path.parent.iterdir())
    for secret in (KEY, TOKEN, CHAT):
        assert secret not in caplog.text
        assert secret.encode() not in stored
        assert secret not in repr(telegram) + repr(target(scene.far))
    assert "status 500" in caplog.text


def test_the_configured_targets() -> None:
    assert targets(read({})) == []
    found = targets(
        read(
            {
                "VOLSPIKE_API_URL": "https://b.example", "VOLSPIKE_API_KEY": KEY,
                "VOLSPIKE_API_URL_DEV": "https://d.example", "VOLSPIKE_API_KEY_DEV": "dev",
                "TELEGRAM_TOKEN": TOKEN, "CHAT_ID": CHAT,
            }
        )
    )  # fmt: skip
    assert found == [
        Target("backend", "https://b.example", Secret(KEY)),
        Target("backend-dev", "https://d.example", Secret("dev")),
        Target("telegram", "https://api.telegram.org", Secret(TOKEN), Secret(CHAT)),
    ]


def test_a_sender_sends_what_comes_and_ends(scene: Scene) -> None:
    def make() -> tuple[Outbox, DurableConnection]:
        store = DurableConnection(scene.path)
        box = Outbox(
            "volume_alert", target(scene.far), store=OutboxStore(store), backend=BackendClient(),
            clock=scene.hand.clock(), uniform=lambda _, high: high,
        )  # fmt: skip
        return box, store

    sender = Sender("backend", make, threading.Event().set)
    sender.start()
    for name in "ab":
        scene.alert(name)
        sender.wake()
        until(lambda name=name: name in scene.accepted, f"{name} is sent")  # type: ignore[misc]
    sender.stop()
    sender.join()
    assert not sender.is_alive()
    assert sender.failure is None


def test_stopping_one_sender_does_not_wait_for_its_target(scene: Scene) -> None:
    """All are told to end before any is waited for: three that hang end in the time of one."""
    scene.far.answer = "hang"
    scene.alert("a")

    def make() -> tuple[Outbox, DurableConnection]:
        store = DurableConnection(scene.path)
        box = Outbox(
            "volume_alert", target(scene.far), store=OutboxStore(store), backend=BackendClient(),
            clock=scene.hand.clock(), uniform=lambda _, high: high,
        )  # fmt: skip
        return box, store

    sender = Sender("backend", make, threading.Event().set)
    sender.start()
    until(lambda: scene.far.seen, "the post is under way")
    sender.stop()
    assert sender.is_alive()
    scene.far.released.set()
    sender.join()
    assert sender.failure is None


def test_a_sender_that_cannot_go_on_says_why(tmp_path: Path) -> None:
    def make() -> tuple[Outbox, DurableConnection]:
        raise KeyError("defect")

    failed = threading.Event()
    sender = Sender("backend", make, failed.set)
    sender.start()
    sender.join()
    assert failed.is_set()
    assert isinstance(sender.failure, KeyError)
