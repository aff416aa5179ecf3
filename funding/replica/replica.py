"""The database of an API on another host: a file of its own, which follows what takers publish."""

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from funding.errors import StoreError
from funding.nats import subjects
from funding.nats.addresses import Address
from funding.nats.asking import Answer, decode
from funding.nats.connection import Connection
from funding.nats.following import Position
from funding.nats.intake import Intake
from funding.replica.follower import COMPARISON_SECONDS, EVENT_SECONDS, Follower
from funding.replica.trail import TrailKind
from funding.runtime import process
from funding.runtime.clock import Clock
from funding.runtime.logs import ThrottledWarnings
from funding.runtime.worker import Worker
from funding.store.replica_file import ReplicaFile

FOLDER = "funding-api-from-"
"""The folder of a replica is called this, its process, and something that nobody guesses."""
STOP_SECONDS = 5.0
ASK_SECONDS = 4.0
_SINCE = {
    TrailKind.SIGNAL: EVENT_SECONDS,
    TrailKind.EVENT: EVENT_SECONDS,
    TrailKind.COMPARISON: COMPARISON_SECONDS,
}
"""How far back the trail is read."""


class Replica:
    """Follows `exchanges` over the NATS servers at `addresses`, until `close`. `failed` is called
    where its thread has ended by a defect, which `check` then raises."""

    def __init__(
        self,
        addresses: Sequence[Address],
        exchanges: Collection[str],
        *,
        clock: Clock,
        warn: ThrottledWarnings,
        failed: Callable[[], None],
    ) -> None:
        self._folder = _new_folder()
        self.path = self._folder / "funding.db"
        self._file = ReplicaFile(self.path)
        self._follower = Follower(self._file, clock, warn)
        self.problem = self._follower.problem

        def connect(changed: Callable[[], None]) -> Connection:
            return Connection(addresses, "funding-api", changed)

        self._intake = Intake(
            connect,
            self._follower,
            exchanges=exchanges,
            warn=warn,
            uptime=clock.uptime,
            with_contracts=True,
        )
        for kind in TrailKind:
            begin = Position(since=clock.wall() - _SINCE[kind])
            self._intake.connection.consume(
                subjects.TRAIL_STREAM,
                f"funding-trail.{kind}.>",
                begin,
                self._follower.of_trail(kind),
            )
        self._follower.link = self._intake.connection
        self._worker = Worker("replica", self._follower.run, failed=failed)
        self._worker.start()

    def ask(self, path: str) -> Answer:
        """What a taker's API answers to `path`. Raises `NatsError`."""
        return decode(self._intake.connection.request(subjects.ASK, path.encode(), ASK_SECONDS))

    def check(self) -> None:
        """Raise the defect that ended its thread, if one did."""
        self._worker.check()

    def close(self) -> None:
        """End the thread and the connection, and remove the file."""
        self._worker.stop(STOP_SECONDS)
        self._intake.close()
        self._file.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _new_folder() -> Path:
    folder = Path(tempfile.gettempdir())
    remove_leftovers(folder)
    try:
        return Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir=folder))
    except OSError as error:
        raise StoreError(str(folder), f"no folder can be made there: {error.strerror}") from error


def remove_leftovers(folder: Path) -> None:
    """Remove what replicas have left in `folder` that were killed, as far as they are ours."""
    for each in folder.glob(f"{FOLDER}*"):
        number = each.name.removeprefix(FOLDER).partition("-")[0]
        with suppress(OSError):
            ours = each.lstat().st_uid == os.getuid() and each.is_dir() and not each.is_symlink()
            if ours and number.isdigit() and process.start_time(int(number)) is None:
                shutil.rmtree(each)
