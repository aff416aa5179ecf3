"""A ledger that the threads of one pool share: it takes REST weight in blocks.

# Facts
- A durable commit takes 2 ms on a good disk, 10 and more on a poor one, and one at a time: 341
  calls with one each would hold the lock that ingest needs for its frames.
- An apsw connection may be used by any thread, but by one at a time.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from funding.store.ledger import Ledger

BLOCK = 50


class _Block(NamedTuple):
    caller: str
    route: str
    weight: int
    minute: int


class ReservedUsage(Ledger):
    """A `Ledger` for any number of threads. Calls are counted in the store before they are made,
    a block at a time; `settle` gives back what was not used."""

    def __init__(self, path: Path, block: int = BLOCK) -> None:
        super().__init__(path)
        self._size = block
        self._lock = threading.RLock()
        self._block: _Block | None = None
        self._left = 0
        self._used = 0

    def spend(self, caller: str, route: str, weight: int, minute: int, allowed: int) -> int:
        """As in `Ledger`; of a route with weight, a block of calls is counted at once."""
        with self._lock:
            if not weight:
                return super().spend(caller, route, weight, minute, allowed)
            wanted = _Block(caller, route, weight, minute)
            if self._block != wanted or not self._left:
                self.settle()
                self._take(wanted, allowed)
            if self._left:
                self._left -= 1
                self._used += weight
                return self._used - weight
            return self._used

    def settle(self) -> None:
        """Give back what is left of the block."""
        with self._lock:
            block, left = self._block, self._left
            self._block, self._left = None, 0
            if block is None or not left:
                return
            with self._writing() as connection:
                key = (block.minute, block.caller, block.route)
                connection.execute(
                    "UPDATE rest_usage SET calls = calls - ?4, weight = weight - ?4 * ?5"
                    " WHERE minute = ?1 AND caller = ?2 AND route = ?3",
                    (*key, left, block.weight),
                )
                connection.execute(
                    "DELETE FROM rest_usage"
                    " WHERE minute = ?1 AND caller = ?2 AND route = ?3 AND calls <= 0",
                    key,
                )

    def _take(self, wanted: _Block, allowed: int) -> None:
        with self._writing() as connection:
            used: Any = connection.execute(
                "SELECT coalesce(sum(weight), 0) FROM rest_usage WHERE minute = ?",
                (wanted.minute,),
            ).get
            calls = min(self._size, max(0, allowed - used) // wanted.weight)
            if calls:
                connection.execute(
                    "INSERT INTO rest_usage VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " calls = calls + excluded.calls, weight = weight + excluded.weight",
                    (wanted.minute, wanted.caller, wanted.route, calls, calls * wanted.weight),
                )
            self._block, self._left, self._used = wanted, calls, used

    def close(self) -> None:
        """Settle, and let go of the file."""
        with self._lock:
            try:
                self.settle()
            finally:
                super().close()

    @contextmanager
    def _writing(self) -> Iterator[apsw.Connection]:
        with self._lock, super()._writing() as connection:
            yield connection

    def _reading(self, statement: str, bindings: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return super()._reading(statement, bindings)
