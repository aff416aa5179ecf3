"""How long to wait before the next attempt, and how many there may be. No clock.

# Facts
- Retry-After is a number of seconds or an HTTP date (RFC 9110, 10.2.3). A date in the form of
  asctime() has no zone and is UTC (5.6.7).
- Telegram's 429 has `"parameters":{"retry_after":35}` in its body, and no header.
- Binance names the end of a ban in words: "IP banned until 1721323200000", and its WebSocket API in
  `"retryAfter":1721323200000`; that it sends Retry-After is not documented.
- Some servers send decimals ("1.5") though RFC 9110 has whole seconds.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC

FIRST_SECONDS = 0.5
BURST = 15
REFILL_SECONDS = 5.0
LONGEST_SECONDS = 3_600.0
"""A wait that a peer states is believed up to this: one until the year 2099 would never end."""

_BODY_BYTES = 4_096
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_RETRY_AFTER = re.compile(rb'"retry_?after"\s*:\s*"?([0-9]{1,13}(?:\.[0-9]{1,9})?)', re.IGNORECASE)
_BANNED_UNTIL = re.compile(rb"banned until ([0-9]{10,13})")
_FIRST_EPOCH = 1e9  # more seconds than that are a time
_FIRST_EPOCH_MS = 1e12


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

    So there are at most 27 in any minute and 75 in any 5, and never a wait of more than 5 s.
    """

    # A server that sends one row and then closes resets `delays` each time. Hyperliquid allows an
    # address 30 attempts a minute. Binance documents no limit for futures streams; for spot it is
    # 300 per 5 minutes.

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


def stated_wait(header: str, body: bytes, now: float, at_most: float = LONGEST_SECONDS) -> float:
    """Seconds from `now` (Unix seconds) for which a peer wants to be left alone, as its Retry-After
    `header` or the `body` of its refusal says; 0 where neither does, or the moment has passed.

    A wait of more than `at_most` seconds is not believed: it is the usual longest one.
    """
    wait = _seconds(header, now) or _seconds_in_body(body, now)
    return wait if wait <= at_most else LONGEST_SECONDS


def _seconds(text: str, now: float) -> float:
    if _SECONDS.fullmatch(text):
        return float(text)
    from email.utils import parsedate_to_datetime  # here: 0.7 MB that few runs need

    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)
    except (ValueError, OverflowError, TypeError, IndexError):
        return 0.0


def _seconds_in_body(body: bytes, now: float) -> float:
    for pattern in (_RETRY_AFTER, _BANNED_UNTIL):
        if stated := pattern.search(body[:_BODY_BYTES]):
            value = float(stated[1])
            if value < _FIRST_EPOCH:
                return value
            return max(0.0, (value / 1000 if value >= _FIRST_EPOCH_MS else value) - now)
    return 0.0
