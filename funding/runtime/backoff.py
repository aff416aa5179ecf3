"""How long to wait before the next connection attempt, and how many there may be."""

from collections.abc import Callable, Iterator

FIRST_SECONDS = 0.5
BURST = 15
REFILL_SECONDS = 5.0


def delays(maximum: float, uniform: Callable[[float, float], float]) -> Iterator[float]:
    """Seconds before the 1st, 2nd … retry: doubling from half a second up to `maximum`.

    Each is drawn from between a half and three quarters of its step: clients that lost the same
    server do not come back in step, and a quarter is left for the handshake and the next tick, so
    that data is back within `maximum`. Make a new one when a connection has proved itself.
    """
    step = min(FIRST_SECONDS, maximum)
    while True:
        yield uniform(0.5 * step, 0.75 * step)
        step = min(2 * step, maximum)


class Attempts:
    """A bound on attempts that nothing resets: 15 at once, then one each 5 s.

    So at most 75 in any 5 minutes, whatever the delays are (a server that feeds one row and then
    closes resets them each time), and never a wait of more than 5 s. Binance documents no limit
    for futures streams; for spot it is 300 per 5 minutes and address.
    """

    def __init__(self, now: float, left: float = BURST) -> None:
        self._tokens = float(left)
        self._at = now

    def left(self, now: float) -> float:
        """Attempts that may be made at once at `now`; what a successor of this object begins with,
        so that a program that dies and starts again gets no new burst."""
        return min(BURST, self._tokens + max(0.0, now - self._at) / REFILL_SECONDS)

    def take(self, now: float) -> bool:
        """Whether one may be made at `now`; if so it is counted."""
        self._tokens = self.left(now)
        self._at = max(self._at, now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
