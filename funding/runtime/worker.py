"""A thread whose defect ends the program.

# Facts
- An exception that leaves `Thread.run` is printed by `threading.excepthook`, and the program goes
  on without that thread.
"""

import threading
from collections.abc import Callable


class Worker(threading.Thread):
    """Runs `work(stopping)` in a daemon thread; `work` returns soon after `stopping` is set.

    An exception that leaves `work` is kept for the main thread, whose next `check` raises it;
    `failed` is called in the thread, to wake the main one.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[threading.Event], None],
        *,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._failed = failed
        self._failure: BaseException | None = None
        self.stopping = threading.Event()

    def run(self) -> None:
        """Do the work, and keep what it raises."""
        try:
            self._work(self.stopping)
        except BaseException as error:  # noqa: BLE001 (raised again in the main thread)
            self._failure = error
            self._failed()

    def check(self) -> None:
        """Raise the exception that ended the thread, if one did."""
        if self._failure is not None:
            raise self._failure

    def stop(self, seconds: float | None = None) -> None:
        """Ask the thread to end; with `seconds`, wait so long for that."""
        self.stopping.set()
        if seconds is not None and self.is_alive():
            self.join(seconds)
