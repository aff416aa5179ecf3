"""A thread whose defect ends the program."""

import threading

import pytest

from funding.runtime.worker import Worker
from harness.processes import WAIT_SECONDS


def test_a_defect_in_the_thread_is_raised_in_the_main_thread() -> None:
    woken = threading.Event()

    def fail(_: threading.Event) -> None:
        raise KeyError("defect")

    worker = Worker("fails", fail, failed=woken.set)
    worker.check()
    worker.start()
    assert woken.wait(WAIT_SECONDS)
    worker.join(WAIT_SECONDS)
    with pytest.raises(KeyError, match="defect"):
        worker.check()


def test_a_worker_ends_when_it_is_told_to() -> None:
    began = threading.Event()

    def work(stopping: threading.Event) -> None:
        began.set()
        assert stopping.wait(WAIT_SECONDS)

    worker = Worker("works", work)
    worker.start()
    assert began.wait(WAIT_SECONDS)
    assert worker.is_alive()
    worker.stop(WAIT_SECONDS)
    assert not worker.is_alive()
    worker.check()


def test_a_worker_that_never_began_can_be_stopped() -> None:
    Worker("idle", lambda _: None).stop(1)


def test_a_worker_does_not_keep_the_program_alive() -> None:
    assert Worker("idle", lambda _: None).daemon
