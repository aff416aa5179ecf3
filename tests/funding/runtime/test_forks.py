"""Objects that are told of a fork, before it and in both processes."""

import os

from funding.runtime import forks
from funding.runtime.forks import ForkAware


class Told(ForkAware):
    def __init__(self) -> None:
        self.calls: list[str] = []
        forks.watch(self)

    def before_fork(self) -> None:
        self.calls.append("before")

    def after_fork_in_parent(self) -> None:
        self.calls.append("parent")

    def after_fork_in_child(self) -> None:
        self.calls.append("child")


def end_child(*, well: object) -> None:
    """End a forked process; 0 where it found what it should."""
    os._exit(0 if well else 1)


def test_both_processes_are_told() -> None:
    told = Told()
    child = os.fork()
    if child == 0:
        end_child(well=told.calls == ["before", "child"])
    assert os.waitpid(child, 0)[1] == 0
    assert told.calls == ["before", "parent"]


def test_child_may_fork_again_and_watch_more() -> None:
    told = Told()
    child = os.fork()
    if child == 0:
        more = Told()
        grandchild = os.fork()
        if grandchild == 0:
            end_child(well=more.calls == ["before", "child"])
        well = os.waitpid(grandchild, 0)[1] == 0
        end_child(well=well and told.calls == ["before", "child", "before", "parent"])
    assert os.waitpid(child, 0)[1] == 0


def test_object_that_is_gone_is_forgotten() -> None:
    told = Told()
    calls = told.calls
    del told
    child = os.fork()
    if child == 0:
        end_child(well=True)
    os.waitpid(child, 0)
    assert calls == []
