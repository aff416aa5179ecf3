"""Logging: one line a record on stdout, which supervisord keeps and rotates.

Text from outside (symbols, error messages, close reasons) may stand in a message as it is: every
character that is not printable is escaped here, so that nothing received can forge a line.
"""

import json
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO


class LogFormat(StrEnum):
    """What a line of the log is; the words are those of the setting."""

    TEXT = "text"
    JSON = "json"


def printable(text: str) -> str:
    """`text` with everything that is not printable escaped; 币安人生 stays as it is."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in text
    )


class _Line(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        # A copy: other handlers see the record as it was.
        line = logging.makeLogRecord(record.__dict__)
        line.message = printable(record.message)
        return super().formatMessage(line)

    def formatException(self, ei: Any) -> str:  # noqa: N802 (the library's name)
        # A traceback has lines of its own. They are indented, so that none looks like a record.
        lines = super().formatException(ei).splitlines()
        return "\n".join(f"    {printable(line)}" for line in lines)


class _Object(logging.Formatter):
    """One JSON object a record, an exception included; `template` is the message before its
    values are put in, by which lines of one kind can be counted."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {
            "at": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "program": self._program,
            "part": record.name,
            "message": record.getMessage(),
            "template": str(record.msg),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)  # in ASCII: no character of its own begins a line


def setup(
    level: str,
    stream: TextIO | None = None,
    *,
    program: str = "",
    form: LogFormat = LogFormat.TEXT,
) -> None:
    """Send the log of this process, which is `program`, to `stream` (stdout), from `level` upwards,
    in UTF-8."""
    stream = stream or sys.stdout
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    handler = logging.StreamHandler(stream)
    lines = _Line("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(_Object(program) if form is LogFormat.JSON else lines)
    logging.basicConfig(level=level, handlers=[handler], force=True)


class Throttle:
    """Says yes once per key and `seconds`, so that what repeats is logged at a bounded rate. For
    any number of threads."""

    MAX_KEYS = 100

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._logged: dict[str, float] = {}

    def __call__(self, key: str, now: float) -> bool:
        """Whether `key` may be logged at `now`; if so, that is remembered."""
        with self._lock:
            if now - self._logged.get(key, float("-inf")) < self._seconds:
                return False
            if len(self._logged) >= self.MAX_KEYS:
                young = {k: at for k, at in self._logged.items() if now - at < self._seconds}
                self._logged = young
                if len(young) >= self.MAX_KEYS:
                    return False
            self._logged[key] = now
            return True


class Repeats:
    """A `Throttle` that counts what it has held back. For one thread."""

    def __init__(self, seconds: float) -> None:
        self._throttle = Throttle(seconds)
        self._held_back: Counter[str] = Counter()

    def due(self, key: str, now: float) -> int | None:
        """None where `key` is not to be logged at `now`; else how often it was not since the last
        time that it was."""
        if self._throttle(key, now):
            return self._held_back.pop(key, 0)
        self._held_back[key] += 1
        return None


class ThrottledWarnings:
    """Warnings of `log`, once per key and `seconds` of the clock `uptime`."""

    def __init__(self, log: logging.Logger, seconds: float, uptime: Callable[[], float]) -> None:
        self._log = log
        self._throttle = Throttle(seconds)
        self._uptime = uptime

    def __call__(self, key: str, text: str, *, at_once: bool = False) -> bool:
        """Whether `text` is logged, now that it is due for `key`, or `at_once`."""
        due = at_once or self._throttle(key, self._uptime())
        if due:
            self._log.warning("%s", text)
        return due
