"""`python -m harness.soak.comparison_writer DATABASE ACKNOWLEDGED`: stores comparisons.

It uses `funding.store`, and writes the number of each acknowledged comparison to a file, until told
to end.

A process of its own: two SQLite libraries in one process drop each other's locks.
"""

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison
from funding.errors import StoreError
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection

SOURCE = "soak"
_PAUSE_SECONDS = 0.1


def comparison(number: int) -> Comparison:
    """One that can be told from all others, by its `rest_time`."""
    value = float(number)
    what = (SOURCE, "binance", "BTCUSDT", Field.MARK_PRICE)
    return Comparison(time.time(), *what, value, value, 0.0, 0, Outcome.MATCH, number, None)


def numbers(path: Path) -> Iterator[int]:
    """From the last writer's on."""
    number = len(path.read_text("ascii").splitlines()) if path.exists() else 0
    while True:
        number += 1
        yield number


def main() -> None:
    """Each line of the file: a number, `+` or why it was refused, and when (monotonic s)."""
    database, acknowledged = map(Path, sys.argv[1:])
    stopping: list[int] = []
    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, lambda number, _: stopping.append(number))
    comparisons = Comparisons(DurableConnection(database))
    with acknowledged.open("a", encoding="ascii", buffering=1) as file:
        for number in numbers(acknowledged):
            if stopping:
                break
            try:
                comparisons.add([comparison(number)])
                outcome = "+"
            except StoreError as error:
                outcome = type(error).__name__
            file.write(f"{number} {outcome} {time.monotonic():.3f}\n")
            time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main()
