"""msgspec decode and one bare executemany per frame, at the stream's own rhythm.

`python -m harness.bench.floors.bare_ingest FOLDER MULTIPLE`: until SIGTERM.
The rows and the table are those of the service, the frames those of `source`; what is missing is
the socket, every check, the rule of event times, the feed row and the second thread.
"""

import sys
import time
from pathlib import Path

import apsw
import msgspec

from harness.bench.prepared_frames import build
from harness.processes import ROOT

_PUT = """
INSERT INTO quote (exchange, symbol, mark_price, index_price, funding_rate, next_funding_time,
    event_time, updated_at, received_uptime) VALUES ('binance', ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    mark_price = excluded.mark_price, index_price = excluded.index_price,
    funding_rate = excluded.funding_rate, next_funding_time = excluded.next_funding_time,
    event_time = excluded.event_time, updated_at = excluded.updated_at,
    received_uptime = excluded.received_uptime
"""


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
    """An empty store, with the settings that the service has."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "normal")
    connection.pragma("wal_autocheckpoint", 0)
    connection.execute((ROOT / "schema.sql").read_text("utf-8"))
    return connection


def store(connection: apsw.Connection, decoder: msgspec.json.Decoder[Message], frame: bytes) -> int:
    """One frame; how many rows it had."""
    wall, uptime = time.time(), time.monotonic()
    rows = [
        (row.s, float(row.p), float(row.i), float(row.r or 0), row.T, row.E, wall, uptime)
        for row in decoder.decode(frame).data
        if row.st == 1
    ]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_PUT, rows)
    connection.execute("COMMIT")
    return len(rows)


def main() -> None:
    """The same two frames for ever, two a stream second, and a checkpoint every ten."""
    connection = opened(Path(sys.argv[1]) / "floor.db")
    decoder = msgspec.json.Decoder(Message)
    frames, step = build(), 0.5 / float(sys.argv[2])
    due = time.monotonic()
    for number in range(1, sys.maxsize):
        due += step
        time.sleep(max(0.0, due - time.monotonic()))
        store(connection, decoder, frames[number % 2])
        if number % 20 == 0:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


if __name__ == "__main__":
    main()
