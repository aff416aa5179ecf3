"""The two request budgets of the REST side.

# Facts

- 2400 weight per UTC clock minute and IP, reported in X-MBX-USED-WEIGHT-1M; a 400 costs its route's
  weight too (measured 2026-10-07).
- fundingRate and fundingInfo cost none and send no such header, but share 500 requests in 5
  minutes (SDK docstrings). That those minutes are clock minutes is an assumption.
"""

from __future__ import annotations

_MINUTE_MS = 60_000


class Budget:
    """Spending in windows of the UTC clock."""

    def __init__(self, *, limit: int, minutes: int) -> None:
        self.limit, self.minutes = limit, minutes
        self._window, self._used = -1, 0

    def used(self, now_ms: float) -> int:
        """What the window that holds this instant has cost so far."""
        return self._used if self._number(now_ms) == self._window else 0

    def spend(self, cost: int, now_ms: float) -> bool:
        """Adds the cost; whether all is still within the limit. Refused requests count too."""
        self._used = self.used(now_ms) + cost
        self._window = self._number(now_ms)
        return self._used <= self.limit

    def forget(self) -> None:
        """As though the next window had begun."""
        self._used = 0

    def seconds_left(self, now_ms: float) -> int:
        """Whole seconds until the next window, at least 1."""
        length = self.minutes * _MINUTE_MS
        return max(1, -(-int(length - now_ms % length) // 1000))

    def _number(self, now_ms: float) -> int:
        return int(now_ms // (self.minutes * _MINUTE_MS))
