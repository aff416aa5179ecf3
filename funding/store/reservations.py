"""The REST weight that the threads of one pool share: it is taken from the group's in blocks.

# Facts
- A durable commit takes 2 ms on a good disk, 10 and more on a poor one, and one at a time: 341
  calls with one each would hold the lock that ingest needs for its frames.
"""

import threading

from funding.model.ban import Ban
from funding.model.event import Event
from funding.store.rest_usage import Calls, RestUsage

BLOCK = 50


class ReservedUsage:
    """Spends of `usage`, for any number of threads. Calls are counted in the store before they
    are made, a block at a time; `release` gives back what was not used."""

    def __init__(self, usage: RestUsage, block: int = BLOCK) -> None:
        self._usage = usage
        self._size = block
        self._lock = threading.Lock()
        self._block: Calls | None = None
        self._left = 0
        self._used = 0

    def spend(self, caller: str, route: str, weight: int, minute: int, allowed: int) -> int:
        """As in `RestUsage`; of a route with weight, a block of calls is counted at once."""
        if not weight:
            return self._usage.spend(caller, route, weight, minute, allowed)
        wanted = Calls(minute, caller, route, self._size, self._size * weight)
        with self._lock:
            if self._block != wanted or not self._left:
                self._release()
                self._used, self._left = self._usage.reserve(wanted, allowed)
                self._block = wanted
            if not self._left:
                return self._used
            self._left -= 1
            self._used += weight
            return self._used - weight

    def release(self) -> None:
        """Give back what is left of the block."""
        with self._lock:
            self._release()

    def _release(self) -> None:
        block, left = self._block, self._left
        self._block, self._left = None, 0
        if block is not None and left:
            weight = left * (block.weight // block.calls)
            self._usage.release(block._replace(calls=left, weight=weight))

    def ban(self, address: str) -> Ban | None:
        """As in `RestUsage`."""
        return self._usage.ban(address)

    def set_ban(self, address: str, ban: Ban, event: Event | None = None) -> bool:
        """As in `RestUsage`."""
        return self._usage.set_ban(address, ban, event)

    def record(self, event: Event) -> None:
        """As in `RestUsage`."""
        self._usage.record(event)

    def lift_ban(self, address: str, now: float) -> None:
        """As in `RestUsage`."""
        self._usage.lift_ban(address, now)
