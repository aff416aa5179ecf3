#!/usr/bin/env python3
"""Records the stream of FUNDING_WS_URL: every message as received, with its time, to files.

An incident becomes a test in this way: `python -m harness.sim --replay FILE` plays it again. The
files are gzip, named by the UTC time of their first message; harness/sim/recording.py describes the
format. Recording uses its own connection and does not disturb ingest. SIGTERM completes the current
file and exits 0.
"""

import argparse
import gzip
import logging
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from funding import startup  # noqa: E402
from funding.errors import FeedConnectionError  # noqa: E402
from funding.ingest.liveness import CONNECT_SECONDS  # noqa: E402
from funding.ingest.websocket import WebSocket  # noqa: E402
from funding.runtime.backoff import delays  # noqa: E402
from funding.settings.service import Settings  # noqa: E402

log = logging.getLogger("record")

SUFFIX = ".recording.gz"
FLUSH_SECONDS = 2.0  # what a killed writer may lose
_LEVEL = 6
_MEGABYTE = 1_000_000


class Recorder:
    """A file of `folder` at a time; a new one when that has `file_bytes` or is `file_seconds` old.

    The oldest recordings there are removed, so that all of them stay within `total_bytes`.
    """

    def __init__(
        self, folder: Path, address: str, *, file_bytes: int, file_seconds: float, total_bytes: int
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder, self._address = folder, address
        self._file_bytes, self._file_seconds = file_bytes, file_seconds
        self._total_bytes = total_bytes
        self._path = folder
        self._file: gzip.GzipFile | None = None
        self._began = self._flushed = 0.0

    def add(self, payload: bytes, time_ns: int) -> None:
        """One message, received at `time_ns` (Unix ns)."""
        at = time_ns / 1e9
        if self._file is not None and self._full(at):
            self.close()
        if self._file is None:
            self._file = self._open(time_ns)
        self._file.write(b"%d %d\n%b\n" % (time_ns, len(payload), payload))
        if at - self._flushed >= FLUSH_SECONDS:
            self._file.flush()
            self._flushed = at

    def close(self) -> None:
        """End the file in hand; the next message begins another."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _full(self, at: float) -> bool:
        old = at - self._began >= self._file_seconds
        return old or self._path.stat().st_size >= self._file_bytes

    def _open(self, time_ns: int) -> gzip.GzipFile:
        self._remove_oldest()
        seconds, rest_ns = divmod(time_ns, 1_000_000_000)
        moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
        self._path = self._folder / f"{moment}.{rest_ns // 1000:06d}Z{SUFFIX}"
        self._began = self._flushed = time_ns / 1e9
        file = gzip.open(self._path, "xb", _LEVEL)  # noqa: SIM115 (close ends it)
        file.write(b"recording 1 %b\n" % self._address.encode())
        log.info("recording to %s", self._path)
        return file

    def _remove_oldest(self) -> None:
        held = sorted(self._folder.glob(f"*{SUFFIX}"))
        sizes = [path.stat().st_size for path in held]
        while held and sum(sizes) + self._file_bytes > self._total_bytes:
            log.info("removing %s: the recordings may take %d bytes", held[0], self._total_bytes)
            held.pop(0).unlink()
            sizes.pop(0)


def messages(settings: Settings, over: Callable[[], bool]) -> Iterator[bytes]:
    """What comes in, through as many connections as it takes, until it is `over`."""
    waits = delays(settings.backoff_max, random.uniform)
    while not over():
        wire = WebSocket(settings.ws_url, CONNECT_SECONDS)
        wait = 0.0
        try:
            wire.open()
            log.info("connected")
            received_at = time.monotonic()
            while not over() and time.monotonic() - received_at <= settings.stall_after:
                message = wire.receive()
                if message is not None:
                    received_at = time.monotonic()
                    waits = delays(settings.backoff_max, random.uniform)
                    yield message
        except FeedConnectionError as error:
            log.warning("%s: %s", error.kind, error)
            wait = error.retry_after_seconds
        finally:
            wire.close()
        _sleep(max(wait, next(waits)), over)


def _sleep(seconds: float, over: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not over() and time.monotonic() < end:
        time.sleep(min(0.2, seconds))


def _megabytes(text: str) -> int:
    value = float(text)
    if not 0.001 <= value <= 1e6:
        raise ValueError
    return int(value * _MEGABYTE)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 1e8:
        raise ValueError
    return value


def _parser() -> argparse.ArgumentParser:
    parser = startup.parser("scripts/record.py", str(__doc__).replace("`", ""))
    add = parser.add_argument
    add("--folder", type=Path, default=ROOT / "var/recordings", help="(var/recordings)")
    add("--file-megabytes", type=_megabytes, default="64", help="megabytes of one file (64)")
    add("--file-seconds", type=_seconds, default="3600", help="seconds of one file (3600)")
    add("--total-megabytes", type=_megabytes, default="4000", help="of all files together (4000)")
    add("--seconds", type=_seconds, default="1e8", help="stop after so many seconds (never)")
    return parser


def main() -> int:
    """Exit codes: 0 stopped, 1 it cannot write, 2 a setting or argument is wrong."""
    parser = _parser()
    given = parser.parse_args()
    if given.total_megabytes < 2 * given.file_megabytes:
        parser.error("--total-megabytes: at least twice --file-megabytes")
    settings = startup.begin("record")
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    end = time.monotonic() + given.seconds
    try:
        recorder = Recorder(
            given.folder,
            settings.ws_url,
            file_bytes=given.file_megabytes,
            file_seconds=given.file_seconds,
            total_bytes=given.total_megabytes,
        )
        for message in messages(settings, lambda: bool(stopping) or time.monotonic() >= end):
            recorder.add(message, time.time_ns())
        recorder.close()
    except OSError as error:
        log.error("cannot write to %s: %s", given.folder, error.strerror)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
