"""What happens to a connection, how it may end, and what may be ordered of it: the values that the
policy, the receivers and the loop exchange."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from funding.model.event import EventKind


class ConnectionEventKind(StrEnum):
    """What may happen to a connection before its end."""

    OPENED = "opened"
    ENDING = "ending"  # the exchange has announced the end
    NOTICE = "notice"


class EndingKind(StrEnum):
    """How a connection may end."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    HANDSHAKE = "handshake"
    RATE_LIMITED = "rate-limited"
    RESTRICTED = "restricted"
    CLOSED = "closed"
    LOST = "lost"
    OVERSIZE = "oversize"
    SILENT = "silent"
    STALL = "stall"
    CLASS_SILENT = "class-silent"
    SLOW = "slow"
    LATE = "late"
    ROTATED = "rotated"


class Ending(NamedTuple):
    """The words for the log, the kind of the event in the audit trail, and the shortest wait before
    the next attempt."""

    words: str
    event: EventKind = EventKind.CONNECT_FAILED
    wait_seconds: float = 0.0


ENDINGS = {
    EndingKind.DNS: Ending("the host name cannot be resolved"),
    EndingKind.REFUSED: Ending("nothing listens at the address"),
    EndingKind.UNREACHABLE: Ending("the host cannot be reached"),
    EndingKind.TIMEOUT: Ending("no answer while connecting"),
    EndingKind.TLS: Ending("TLS failed: is the clock right, or something in between?"),
    EndingKind.HANDSHAKE: Ending("the WebSocket handshake was refused"),
    EndingKind.RATE_LIMITED: Ending("the exchange limits connection attempts", wait_seconds=30.0),
    EndingKind.RESTRICTED: Ending(
        "restricted location: the exchange refuses this address", wait_seconds=60.0
    ),
    EndingKind.CLOSED: Ending("the exchange closed the connection", EventKind.DISCONNECT),
    EndingKind.LOST: Ending("the connection was lost", EventKind.DISCONNECT),
    EndingKind.OVERSIZE: Ending("a message too large to be market data", EventKind.DISCONNECT),
    EndingKind.SILENT: Ending("connected but no mark price", EventKind.STALL),
    EndingKind.STALL: Ending("no newer mark price", EventKind.STALL),
    EndingKind.CLASS_SILENT: Ending("some symbols arrive, others have stopped"),
    EndingKind.SLOW: Ending("the link is too slow", EventKind.STALL),
    EndingKind.LATE: Ending("the stream is late", EventKind.LAG),
    EndingKind.ROTATED: Ending("replaced by its successor", EventKind.ROTATION),
}


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """Something that happened to a connection, by its number, at `at` (uptime seconds)."""

    connection: int
    kind: ConnectionEventKind | EndingKind
    at: float
    detail: str = ""
    retry_after_seconds: float = 0.0


class Connect(NamedTuple):
    """Order: begin this connection."""

    connection: int


class Disconnect(NamedTuple):
    """Order: end this connection; `detail` says the reason in full."""

    connection: int
    kind: EndingKind
    detail: str


class Report(NamedTuple):
    """Order: nothing but a line in the log and in the audit trail."""

    kind: EventKind
    detail: str


Order = Connect | Disconnect | Report
