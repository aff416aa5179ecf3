"""Reads a recording, the raw messages of a stream with the times at which they were received.

# Format

A gzip file. Its first line is `recording 1 ADDRESS`; then, for each message, a line `TIME LENGTH`
(Unix time in ns, bytes), that many bytes as they were received, and a line end. So the whole is:

    with gzip.open(path) as file:
        file.readline()
        while line := file.readline():
            time_ns, length = map(int, line.split())
            message = file.read(length + 1)[:-1]

A file whose writer was killed ends in the midst of a record: that record is left out.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_HEADER = b"recording 1 "
_LONGEST_LINE = 4096
_LARGEST_MESSAGE = 64 * 1024 * 1024


class RecordingError(Exception):
    """A file that is not a recording; the text says why."""


class Record(NamedTuple):
    """One message and when it was received, Unix ns."""

    time_ns: int
    payload: bytes


def read(path: Path) -> Iterator[Record]:
    """The messages of the file in their order, up to the end or the cut.

    Raises `RecordingError` for anything that `scripts/record.py` does not write.
    """
    try:
        with gzip.open(path) as file:
            if not file.readline(_LONGEST_LINE).startswith(_HEADER):
                raise RecordingError(f"{path}: not a recording")
            while line := file.readline(_LONGEST_LINE):
                time_ns, length = _numbers(line, path)
                payload = file.read(length + 1)
                if len(payload) != length + 1:
                    return
                yield Record(time_ns, payload[:-1])
    except EOFError:
        return  # the cut; a file cut in its first line has nothing to tell
    except (OSError, zlib.error) as error:
        raise RecordingError(f"{path}: {error}") from error


def _numbers(line: bytes, path: Path) -> tuple[int, int]:
    first, _, second = line.rstrip(b"\n").partition(b" ")
    if not (first.isdigit() and second.isdigit() and int(second) <= _LARGEST_MESSAGE):
        raise RecordingError(f"{path}: not a record: {line[:60]!r}")
    return int(first), int(second)
