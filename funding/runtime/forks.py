"""Objects that would not survive a fork: what they do around one.

# Facts
- A forked process has one thread, the one that forked, and copies of everything else: a lock that
  another thread held stays held for ever, and both processes read from one socket, so that each
  gets answers of the other's questions.
- SQLite keeps the locks of a file per process, in memory: a file that is opened again beside an
  inherited connection believes that it holds locks which the parent holds. Closing the inherited
  one does not help (sqlite.org/howtocorrupt.html, 2.6).
- `os.register_at_fork` cannot be undone, and starting another program does not call it.
"""

import os
import threading
import weakref

_lock = threading.RLock()
_watched: "weakref.WeakSet[ForkAware]" = weakref.WeakSet()


class ForkAware:
    """What is told of a fork. Nothing may be raised."""

    def before_fork(self) -> None:
        """This process is about to fork; other threads still run."""

    def after_fork_in_parent(self) -> None:
        """It has forked; called in the thread that did."""

    def after_fork_in_child(self) -> None:
        """The same in the new process, whose only thread this is."""


def watch(each: ForkAware) -> None:
    """Tell `each` of every fork from now on, for as long as it lives."""
    with _lock:
        _watched.add(each)


def _before() -> None:
    _lock.acquire()
    for each in list(_watched):
        each.before_fork()


def _after_in_parent() -> None:
    for each in list(_watched):
        each.after_fork_in_parent()
    _lock.release()


def _after_in_child() -> None:
    for each in list(_watched):
        each.after_fork_in_child()
    _lock.release()


os.register_at_fork(
    before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
)
