"""`python -m harness.soak.database_reader DATABASE FOUND ORACLE`: reads quotes.

It reads as a person does with `sqlite3`, compares every quote with what was sent, and writes what
it found to a file, until told to end.

ORACLE is JSON: the arguments of `soak.oracle.Oracle`. Each line of the file is JSON: `at`
(monotonic s), `kind` (wrong, back, failed or read) and `detail`; `read` counts since the last.
"""

import json
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from harness.soak.answer_checks import Anomaly
from harness.soak.oracle import Oracle

_PAUSE_SECONDS = 0.3
_TELL_PASSES = 10
_NAMES = ("symbol", "eventTime", "markPrice", "indexPrice", "fundingRate", "nextFundingTime")
_QUOTES = """
SELECT symbol, event_time, mark_price, index_price, funding_rate, next_funding_time FROM quote
"""
_VIEWS = ("latest", "stale", "worst_differences")

Tell = Callable[[str, str], None]


class Reader:
    """Reads again and again, each time by a connection of its own."""

    def __init__(self, path: Path, oracle: Oracle, tell: Tell) -> None:
        self._path, self._oracle, self._tell = path, oracle, tell
        self._seen: dict[str, int] = {}
        self._passes = 0

    def look(self) -> int:
        """How many quotes were read."""
        self._passes += 1
        try:
            with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as database:
                rows = database.execute(_QUOTES).fetchall()
                view = _VIEWS[self._passes % len(_VIEWS)]
                database.execute(f"SELECT * FROM {view} LIMIT 5").fetchall()
        except sqlite3.Error as error:
            self._tell("failed", f"{type(error).__name__}: {error}")
            return 0
        now_ms = time.time() * 1000
        for values in rows:
            self.check(dict(zip(_NAMES, values, strict=True)), now_ms)
        return len(rows)

    def check(self, row: dict[str, Any], now_ms: float) -> None:
        """One quote."""
        if found := self._oracle.wrong(row, now_ms):
            self._tell("wrong", found)
        symbol, at = row["symbol"], row["eventTime"]
        if at < self._seen.get(symbol, 0):
            self._tell("back", f"{symbol}: {self._seen[symbol]} → {at}")
        self._seen[symbol] = at


def gather(path: Path) -> tuple[int, list[Anomaly], list[str]]:
    """Of such a file: how many quotes were read, what failed, and what was wrong."""
    read, failed, wrong = 0, list[Anomaly](), list[str]()
    for line in path.read_text("utf-8").splitlines():
        found = json.loads(line)
        at, kind, detail = found["at"], found["kind"], found["detail"]
        if kind == "read":
            read += int(detail)
        elif kind == "failed":
            failed.append(Anomaly(at, at, kind, detail))
        else:
            wrong.append(f"sqlite3: {kind}: {detail}")
    return read, failed, wrong


def main() -> None:
    """Until SIGTERM."""
    database, found, options = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    stopping: list[int] = []
    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, lambda number, _: stopping.append(number))
    with found.open("a", encoding="utf-8", buffering=1) as file:

        def tell(kind: str, detail: str) -> None:
            line = {"at": time.monotonic(), "kind": kind, "detail": detail}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

        reader, read, passes = Reader(database, Oracle(**options), tell), 0, 0
        while not stopping:
            read, passes = read + reader.look(), passes + 1
            if passes % _TELL_PASSES == 0:
                tell("read", str(read))
                read = 0
            time.sleep(_PAUSE_SECONDS)
        tell("read", str(read))


if __name__ == "__main__":
    main()
