"""How connections end, and what may be ordered of them: the words that `continuity` and those who
obey it have in common."""

from dataclasses import dataclass
from typing import NamedTuple


class Ending(NamedTuple):
    """How a connection ended: the words for the log, the shortest wait before the next attempt."""

    words: str
    wait_seconds: float = 0.0


ENDINGS = {
    "dns": Ending("the host name cannot be resolved"),
    "refused": Ending("nothing listens at the address"),
    "unreachable": Ending("the host cannot be reached"),
    "timeout": Ending("no answer while connecting"),
    "tls": Ending("TLS failed: is the clock right, or something in between?"),
    "handshake": Ending("the WebSocket handshake was refused"),
    "rate-limited": Ending("the exchange limits connection attempts", 30.0),
    "restricted": Ending("restricted location: the exchange refuses this address", 60.0),
    "closed": Ending("the exchange closed the connection"),
    "lost": Ending("the connection was lost"),
    "oversize": Ending("a message too large to be market data"),
    "silent": Ending("connected but no mark price"),
    "stall": Ending("no newer mark price"),
    "class-silent": Ending("some symbols arrive, others have stopped"),
    "rotated": Ending("replaced by its successor"),
    "stopped": Ending("stopped"),
}


class Connect(NamedTuple):
    """Order: begin connection `link`."""

    link: int


class Disconnect(NamedTuple):
    """Order: end connection `link`; `kind` is one of `ENDINGS`, `detail` says it in full."""

    link: int
    kind: str
    detail: str


class Report(NamedTuple):
    """Nothing to do, but somebody should know."""

    kind: str
    detail: str


Order = Connect | Disconnect | Report


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """Something that happened to connection `link` at `at` (uptime seconds).

    `kind` is "opened", "ending", "notice", or, when the connection is over, one of
    `continuity.ENDINGS`.
    """

    link: int
    kind: str
    at: float
    detail: str = ""
    retry_after_seconds: float = 0.0
