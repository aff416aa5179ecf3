"""Backpack: the stream of mark prices → Frames. Pure.

# Facts
(venue profile of 2026-09-23 by a public project, official client dc5d8b1c)
- `markPrice.<symbol>` comes once a second, whether or not anything has changed; `f`, `i` and `n`
  may be absent. `E` and `T` are microseconds and `n` is milliseconds, while the official client
  calls `n` microseconds too: the magnitude decides.
- One SUBSCRIBE may have any number of streams (91 tried). It is not acknowledged; an error is
  `{"id":null,"error":{"code":4006,"message":"Invalid stream"}}`, and an unknown or closed market is
  silence. A closed market may open again, so it is subscribed to.
- The server pings every 60 s and closes without a pong within 120 s. There is no ping for clients.
- Symbols have dots and small letters: AAPL.US_USDC_PERP, kPEPE_USDC_PERP.
"""

import json
from collections.abc import Sequence

import msgspec

from funding.errors import FrameError
from funding.exchanges.backpack.rest import markets
from funding.exchanges.exchange import Conversation, Opening, Options, Plan, Subscription
from funding.exchanges.frame import Frame, ignored, notice
from funding.exchanges.quotes import quote
from funding.exchanges.replies import epoch_ms
from funding.model.quote import distinct, is_mixed_symbol

PREFIX = "markPrice."
PER_MESSAGE = 50
MESSAGE_SECONDS = 0.25

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NOTHING = msgspec.Raw(b"")


class _Message(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


class _MarkPrice(msgspec.Struct, gc=False):
    s: str
    E: int
    p: str
    f: str | None = None
    i: str | None = None
    n: int | None = None


_message = msgspec.json.Decoder(_Message)
_mark_price = msgspec.json.Decoder(_MarkPrice)


class BackpackStream:
    """One connection for all markets."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def plan(self, _now: float) -> Conversation[Plan]:
        """The perpetuals that are shown, closed ones too."""
        found = yield from markets(self._options)
        return Plan([distinct(market.symbol for market in found if market.visible)])

    def refused(self, _now: float) -> bool:
        """There is no other stream."""
        return False

    def open(self, topics: Sequence[str]) -> Conversation[Opening]:
        """Fifty streams in a message."""
        yield from ()
        parts = [topics[at : at + PER_MESSAGE] for at in range(0, len(topics), PER_MESSAGE)]
        subscriptions = [Subscription(_subscribe(part), tuple(part)) for part in parts]
        return Opening(self._options.ws_url, subscriptions, message_seconds=MESSAGE_SECONDS)

    def decode(self, payload: bytes, _received_ms: int) -> Frame:
        """See `Stream.decode`."""
        try:
            message = _message.decode(payload)
        except _UNREADABLE as error:
            raise FrameError(f"not a message of this exchange: {error}") from None
        if message.stream.startswith(PREFIX):
            return _quoted(message.stream.removeprefix(PREFIX), bytes(message.data))
        if bytes(message.error):
            return notice("error", bytes(message.error)[:200].decode("utf-8", "replace"))
        return ignored(f"stream {message.stream[:40] or 'without name'}")


def _quoted(name: str, data: bytes) -> Frame:
    frame = Frame([], symbol_class=0)
    try:
        row = _mark_price.decode(data)
    except _UNREADABLE as error:
        frame.reject("form", f"{error} in {data[:120].decode('utf-8', 'replace')}")
        return frame
    if not is_mixed_symbol(row.s) or row.s != name:
        frame.reject("symbol", f"{row.s[:60]!r} in the stream of {name[:60]!r}")
        return frame
    found = quote(
        frame,
        row.s,
        mark=row.p,
        index=row.i,
        funding=row.f,
        due_ms=epoch_ms(row.n) if row.n else None,
        event_time=epoch_ms(row.E),
    )
    if found is not None:
        frame.quotes, frame.event_time = [found], found.event_time
    return frame


def _subscribe(symbols: Sequence[str]) -> bytes:
    params = [PREFIX + symbol for symbol in symbols]
    return json.dumps({"method": "SUBSCRIBE", "params": params}).encode()
