"""Makes a store of a given size: `python -m harness.bench.floors.fill DB SYMBOLS COMPARISONS`.

Prints the milliseconds that writing frames of 962 of its symbols took, as JSON.
"""

import json
import os
import sys
import time
from pathlib import Path

from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.runtime.clock import SYSTEM
from funding.store.database import open_writer
from funding.store.writer import Writer

_FRAMES = 40
_ROWS = 962
_COMPARISONS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
INSERT INTO comparison (compared_at, source, exchange, symbol, field, ws_value, rest_value,
    difference_pct, skew_ms, outcome)
SELECT ?2 + i / 100.0, 'watchdog', 'binance', 'S' || (i % 900), 'mark_price', 1.0, 1.0, 0.0, 5,
    'match'
FROM n
"""


def main() -> None:
    """One store, then some frames into it."""
    path, symbols, comparisons = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    wall, uptime = SYSTEM.wall(), SYSTEM.uptime()
    feed = Feed("binance", "bench", os.getpid(), SYSTEM.boot, wall, uptime, wall, uptime, 1, 1)
    writer = Writer(path, feed)
    names = [f"SYM{number:06d}USDT" for number in range(symbols - 1)] + ["BTCUSDT"]
    write(writer, feed, names, 1_700_000_000_000)
    if comparisons:
        connection = open_writer(path)
        connection.execute(_COMPARISONS, (comparisons, wall - comparisons / 100))
        connection.close()
    times = []
    for number in range(1, _FRAMES + 1):
        began = time.perf_counter()
        write(writer, feed, names[-_ROWS:], 1_700_000_000_000 + 1000 * number)
        times.append((time.perf_counter() - began) * 1000)
    writer.close()
    print(json.dumps(times))


def write(writer: Writer, feed: Feed, names: list[str], event_time: int) -> None:
    """One frame."""
    wall, uptime = SYSTEM.wall(), SYSTEM.uptime()
    quote = [(Quote(n, 1.5, 1.5, 0.0001, event_time, event_time), wall, uptime) for n in names]
    writer.write(feed, quote, ceiling=event_time)


if __name__ == "__main__":
    main()
