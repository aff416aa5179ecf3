"""Raw SQLite reads, in process and without HTTP: `python -m harness.bench.floors.read DB SECONDS`.

Prints {"one": [ms, …], "batch": […], "all": […]}.
"""

import json
import sys
import time
from pathlib import Path

import apsw

_COLUMNS = "symbol, mark_price, index_price, funding_rate, next_funding_time, event_time"
_STATEMENTS = {
    "one": f"SELECT {_COLUMNS} FROM quote WHERE exchange = 'binance' AND symbol = 'BTCUSDT'",
    "batch": f"SELECT {_COLUMNS} FROM quote WHERE exchange = 'binance' LIMIT 100",
    "all": f"SELECT {_COLUMNS} FROM quote WHERE exchange = 'binance'",
}


def main() -> None:
    """Each statement for a third of the time."""
    connection = apsw.Connection(str(Path(sys.argv[1])), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(1_000)
    seconds = float(sys.argv[2]) / len(_STATEMENTS)
    measured: dict[str, list[float]] = {}
    for name, statement in _STATEMENTS.items():
        times = measured[name] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.perf_counter()
            connection.execute(statement).fetchall()
            times.append((time.perf_counter() - began) * 1000)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
