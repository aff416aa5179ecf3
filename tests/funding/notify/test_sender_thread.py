"""The thread that sends: woken, stopped, and its defects."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from funding.notify import sender as sender_module
from funding.notify.backend import BackendClient
from funding.notify.sender import Delivery, Sender
from funding.store.durable import DurableConnection
from funding.store.outbox import OutboxStore
from harness.processes import WAIT_SECONDS, until
from tests.support.fake_backend import NoWaits
from tests.support.outbox_scene import Scene, target


def sender(scene: Scene) -> Sender:
    """A sender with a store and a client of its own."""

    @contextmanager
    def open_delivery() -> Iterator[Delivery]:
        with closing(DurableConnection(scene.path)) as store:
            yield Delivery(
                "volume_alert", target(scene.far), store=OutboxStore(store),
                backend=BackendClient(waits=NoWaits()), clock=scene.hand.clock(),
                uniform=lambda _, high: high,
            )  # fmt: skip

    return Sender("backend", open_delivery, failed=threading.Event().set)


def test_sender_sends_new_posts_until_it_is_stopped(scene: Scene) -> None:
    sending = sender(scene)
    sending.start()
    for name in "ab":
        scene.alert(name)
        sending.wake()
        until(lambda name=name: name in scene.accepted, f"{name} is sent")  # type: ignore[misc]
    sending.stop()
    sending.join()
    sending.check()


def test_sender_waits_only_when_nothing_is_left_to_send(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "IDLE_SECONDS", 3_600.0)
    for name in "abc":
        scene.alert(name)
    sending = sender(scene)
    sending.start()
    until(lambda: scene.accepted == ["a", "b", "c"], "all of them are sent")
    sending.stop(WAIT_SECONDS)
    assert not sending.is_alive()


def test_stop_wakes_an_idle_sender(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "IDLE_SECONDS", 3_600.0)
    sending = sender(scene)
    sending.start()
    scene.alert("a")
    sending.wake()
    until(lambda: scene.accepted, "the post is sent")
    sending.stop(WAIT_SECONDS)
    assert not sending.is_alive()
    sending.check()


def test_stopping_one_sender_does_not_wait_for_its_target(scene: Scene) -> None:
    """All are told to end before any is waited for: three that hang end in the time of one."""
    scene.far.answer = "hang"
    scene.alert("a")
    sending = sender(scene)
    sending.start()
    until(lambda: scene.far.seen, "the post is under way")
    sending.stop()
    assert sending.is_alive()
    scene.far.released.set()
    sending.join()
    sending.check()


def test_failure_of_a_sender_is_raised_in_the_main_thread() -> None:
    def fails() -> AbstractContextManager[Delivery]:
        raise KeyError("defect")

    failed = threading.Event()
    sending = Sender("backend", fails, failed=failed.set)
    sending.start()
    sending.join()
    assert failed.is_set()
    with pytest.raises(KeyError, match="defect"):
        sending.check()
