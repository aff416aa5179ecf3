"""Waits that hosts have asked for, stored so that they outlive the process that received them."""

import logging
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from funding import errors
from funding.model.ban import Ban, BanKind
from funding.runtime.backoff import LONGEST_SECONDS
from funding.runtime.clock import Clock
from funding.store.database import open_reader, translate_errors
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage

_UNTIL = "SELECT until FROM rest_ban WHERE address = ?"
log = logging.getLogger("waits")

CLOCK_SLACK_SECONDS = 60.0
"""A stored wait that lasts longer than any by more than this was set when the clock was wrong."""


class StatedWaits:
    """How long the hosts of this group are to be left alone: rows of `rest_ban` in `path`, which is
    open only while it is used.

    For any number of threads. No method raises an exception: without the store, a wait binds only
    the process that received it, with a warning in the log.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def left(self, url: str) -> float:
        """Seconds for which the host of `url` is not to be asked."""
        try:
            with translate_errors(str(self._path)), closing(open_reader(self._path)) as store:
                until: Any = store.execute(_UNTIL, (_host(url),)).get
        except errors.StoreError as error:
            log.warning("waits that were asked for cannot be read: %s", error)
            return 0.0
        left = float(until or 0.0) - self._clock.wall()
        return left if 0 < left <= LONGEST_SECONDS + CLOCK_SLACK_SECONDS else 0.0

    def record(self, url: str, seconds: float, reason: str) -> None:
        """The host of `url` has asked to be left alone for so many seconds."""
        if seconds <= 0:
            return
        ban = Ban(self._clock.wall() + seconds, BanKind.BANNED, 1, reason)
        try:
            with closing(DurableConnection(self._path)) as store:
                RestUsage(store).set_ban(_host(url), ban)
        except errors.StoreError as error:
            log.warning("a wait of %.0f s cannot be stored: %s", seconds, error)


def _host(url: str) -> str:
    """Scheme, host and port: never the path, which may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
