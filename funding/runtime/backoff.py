"""How long to wait before the next attempt, and how many there may be. No clock."""

from collections.abc import Callable, Iterator
from datetime import UTC

FIRST_SECONDS = 0.5
BURST = 15
REFILL_SECONDS = 5.0


def delays(maximum: float, uniform: Callable[[float, float], float]) -> Iterator[float]:
    """Seconds before the 1st, 2nd … retry: doubling from half a second up to `maximum`.

    Begin again with a new iterator when a connection has delivered.
    """
    # Drawn from between a half and three quarters of each step: clients that lost the same server
    # do not come back together, and the last quarter is left for the handshake and the next tick,
    # so that data is back within `maximum`.
    step = min(FIRST_SECONDS, maximum)
    while True:
        yield uniform(0.5 * step, 0.75 * step)
        step = min(2 * step, maximum)


class Attempts:
    """A bound on attempts that nothing resets: 15 at once, then one every 5 s.

    So there are at most 75 in any 5 minutes, and never a wait of more than 5 s.
    """

    # A server that sends one row and then closes resets `delays` each time. Binance documents no
    # limit for futures streams; for spot it is 300 attempts per 5 minutes and address.

    def __init__(self, now: float, left: float = BURST) -> None:
        self._tokens = float(left)
        self._at = now

    def left(self, now: float) -> float:
        """Attempts that may be made at once at `now`. It is stored, and the next start begins with
        it, so that a program that crashes and restarts gets no new burst."""
        return min(BURST, self._tokens + max(0.0, now - self._at) / REFILL_SECONDS)

    def take(self, now: float) -> bool:
        """Whether an attempt may be made at `now`; if so it is counted."""
        self._tokens = self.left(now)
        self._at = max(self._at, now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def retry_after(text: str, now: float) -> float:
    """Seconds from `now` (Unix seconds) that a Retry-After header asks for: a number or a date
    (RFC 9110, 10.2.3). 0 when it is neither, or a moment that has passed."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    from email.utils import parsedate_to_datetime  # here: 0.7 MB that few runs need

    try:
        moment = parsedate_to_datetime(text)  # without a zone in the form of asctime: GMT is meant
        return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)
    except (ValueError, OverflowError, TypeError, IndexError):
        return 0.0
