"""Server-Sent Events as bytes: what a reader of `/funding/stream` receives. Pure.

# Facts
(HTML Living Standard, 9.2)
- An event is lines of `field: text` and an empty line. A browser that connects again sends the last
  `id` as Last-Event-ID; an event without one leaves it as it was.
- A line that begins with a colon is a comment, of which a script hears nothing.
"""

from collections.abc import Iterable

import msgspec

RETRY_MS = 1_000
"""How soon a browser connects again; by itself it would take three to five seconds."""
BEGIN = f"retry: {RETRY_MS}\n\n".encode()


def quotes(rows: Iterable[bytes]) -> bytes:
    """Several quotes, each JSON already, as one event."""
    return b'event: quotes\ndata: {"data":[' + b",".join(rows) + b"]}\n\n"


def signal(number: int, row: msgspec.Struct) -> bytes:
    """The signal `number`, from which a reader may go on later."""
    return b"id: %d\nevent: signal\ndata: %b\n\n" % (number, msgspec.json.encode(row))


def heartbeat(at: float) -> bytes:
    """That the sender is alive, at `at` Unix seconds."""
    return b"event: heartbeat\ndata: %b\n\n" % msgspec.json.encode({"at": round(at, 3)})
