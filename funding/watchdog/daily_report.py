"""A validation report each day, so that a GO is renewed before it lapses: a process of its own,
which must not trust the program that it judges, and may take its time."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from funding import errors
from funding.model.verdict import DAY_SECONDS
from funding.runtime.clock import Clock
from funding.runtime.schedule import Every
from funding.runtime.worker import Worker
from funding.store.durable import DurableConnection
from funding.store.verdicts import last_verdicts

log = logging.getLogger("report")

LOOK_SECONDS = 60.0
AGAIN_SECONDS = 3_600.0
"""After a report that could not be made, or whose verdict could not be stored."""
LONGEST_SECONDS = 600.0
_COMPARED = """
SELECT EXISTS (SELECT 1 FROM comparison
    WHERE compared_at BETWEEN ?1 AND ?2 AND exchange = ?3 AND source <> 'control')
"""


class DailyReport(Worker):
    """Makes a report on each of `exchanges` by `script` when the last verdict is a day old, and
    comparisons reach back so far. In a thread of its own."""

    def __init__(
        self,
        db: Path,
        exchanges: Sequence[str],
        *,
        script: Path,
        clock: Clock,
        run: Callable[..., "subprocess.CompletedProcess[str]"] = subprocess.run,
    ) -> None:
        super().__init__("daily report", self._work)
        self._db = db
        self._script = script
        self._clock = clock
        self._run = run
        self._tries = {name: Every(AGAIN_SECONDS) for name in exchanges}

    def _work(self, stopping: threading.Event) -> None:
        while not stopping.wait(LOOK_SECONDS):
            self.turn()

    def turn(self) -> None:
        """Make the reports that are due."""
        for name, tries in self._tries.items():
            if self._is_due(name) and tries.due(self._clock.uptime()):
                self._make(name)

    def _is_due(self, exchange: str) -> bool:
        now = self._clock.wall()
        try:
            with closing(DurableConnection(self._db)) as store:
                last = [each.at for each in last_verdicts(store.rows) if each.exchange == exchange]
                if last and 0 <= now - last[0] < DAY_SECONDS:
                    return False
                day_ago = now - DAY_SECONDS
                bindings = (day_ago - AGAIN_SECONDS, day_ago, exchange)
                return bool(store.rows(_COMPARED, bindings)[0][0])
        except errors.StoreError:
            return False  # the looks find it, too

    def _make(self, exchange: str) -> None:
        options = ["--exchange", exchange, "--db", str(self._db), "--out", "/dev/null"]
        command = ["nice", "-n", "10", sys.executable, str(self._script), *options]
        try:
            done = self._run(
                command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
            )
        except (OSError, subprocess.SubprocessError) as error:
            log.warning("no daily report on %s: %s", exchange, type(error).__name__)
            return
        said = done.stderr.strip().rpartition("\n")[2]
        if done.returncode in (0, 1):
            verdict = "NO-GO" if done.returncode else "GO"
            log.info("daily report on %s: %s%s", exchange, verdict, f" ({said})" if said else "")
        else:
            log.warning("no daily report on %s: %s", exchange, said)
