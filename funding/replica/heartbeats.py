"""Is what is read here the takers' present? Heartbeats in, a sentence out. Pure.

The leader of an exchange sends a heartbeat every half second. Where none comes, nobody here can
tell whether the exchange, a taker or NATS is away: the sentence says what is seen.
"""

from typing import NamedTuple

from funding.nats.clocks import TakerClocks

SILENT_SECONDS = 5.0
"""Another taker takes over within 3 s. It is less than what a taker's API allows its ingest: the
feed row that came last grows old too, and would put the blame there."""
TAKEOVER_SECONDS = 3.0
"""After so long a silence the heartbeat of an older leadership counts again."""


class _Heard(NamedTuple):
    taker: str
    term: int
    sent_at: float
    received: float  # uptime


class Heartbeats:
    """What was heard of takers; the age of it is judged by `clocks`."""

    def __init__(self, clocks: TakerClocks) -> None:
        self._clocks = clocks
        self._heard: dict[str, _Heard] = {}

    def hear(self, exchange: str, taker: str, term: int, sent_at: float, uptime: float) -> bool:
        """Whether a heartbeat counts: it is not one of an older leadership beside a newer."""
        self._clocks.hear(taker, sent_at, uptime, is_heartbeat=True)
        before = self._heard.get(exchange)
        recent = before is not None and uptime - before.received <= TAKEOVER_SECONDS
        if before is not None and recent and term < before.term:
            return False
        self._heard[exchange] = _Heard(taker, term, sent_at, uptime)
        return True

    def problem(self, exchange: str, away: str, *, wall: float, uptime: float) -> str:
        """Why quotes of `exchange` cannot be known to be the present ones; "" where they are.
        `away` says why there is no connection to NATS, "" while there is one."""
        heard = self._heard.get(exchange)
        if heard is None:
            silence = "none has been heard since this API began"
        else:
            age = self._clocks.seconds_since(
                heard.taker, heard.sent_at, heard.received, wall=wall, uptime=uptime
            )
            if age <= SILENT_SECONDS:
                return ""
            if uptime - heard.received <= SILENT_SECONDS:
                return (
                    f"what {heard.taker} sends comes {age:.0f} s late: the link is slow,"
                    " or this machine's clock is ahead"
                )
            silence = f"the last one, {heard.taker}, was heard {uptime - heard.received:.0f} s ago"
        if away:
            return f"NATS cannot be read ({away}), and so no taker of {exchange}: {silence}"
        return f"no taker publishes {exchange} on NATS: {silence}"
