"""msgspec decode and one bare executemany per frame, at the stream's own rhythm.

`python -m bench.floors.ingest FOLDER MULTIPLE`: until SIGTERM; the frames are those of `source`.
"""

import sys
import time
from pathlib import Path

import apsw
import msgspec

from bench.frames import build, stamped

_TABLE = """
CREATE TABLE quote (symbol TEXT PRIMARY KEY, mark REAL, idx REAL, rate REAL, due INTEGER,
    event_time INTEGER, at REAL) STRICT, WITHOUT ROWID
"""
_PUT = "INSERT OR REPLACE INTO quote VALUES (?, ?, ?, ?, ?, ?, ?)"


class Row(msgspec.Struct, gc=False):
    """One row on the wire."""

    s: str
    p: str
    i: str
    r: str
    T: int
    E: int
    st: int = 1


class Message(msgspec.Struct):
    """The envelope."""

    data: list[Row]


def opened(path: Path) -> apsw.Connection:
    """An empty table, with the settings that the service has."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "normal")
    connection.execute(_TABLE)
    return connection


def store(connection: apsw.Connection, decoder: msgspec.json.Decoder[Message], frame: bytes) -> int:
    """One frame; how many rows it had."""
    now = time.time()
    rows = [
        (row.s, float(row.p), float(row.i), float(row.r or 0), row.T, row.E, now)
        for row in decoder.decode(frame).data
        if row.st == 1
    ]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_PUT, rows)
    connection.execute("COMMIT")
    return len(rows)


def main() -> None:
    """Frames for ever, two a stream second."""
    connection = opened(Path(sys.argv[1]) / "floor.db")
    decoder = msgspec.json.Decoder(Message)
    frames, step = build(), 0.5 / float(sys.argv[2])
    due = time.monotonic()
    event_time = int(time.time() * 1000)
    for number in range(sys.maxsize):
        due += step
        time.sleep(max(0.0, due - time.monotonic()))
        event_time += 500
        store(connection, decoder, stamped(frames[number % 2], event_time))


if __name__ == "__main__":
    main()
