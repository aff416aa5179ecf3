"""Hyperliquid: the stream of asset contexts → Frames. Pure.

# Facts
(venue profile of 2026-09-24 by a public project, captures in nautilus_trader, the official SDK)
- `activeAssetCtx` takes one coin per subscription, and comes once a second for each. Its messages
  have no time, no interval and no next funding time: the time of receipt is the event time, and
  funding is paid at each full hour. `premium`, `midPx` and `impactPxs` may be null.
- Each subscription is acknowledged by `subscriptionResponse`, which repeats it. An unknown coin, or
  one in another case, ends the whole socket within 0.2 s: code 1006, no message.
- Error messages are `{"channel":"error","data":"…"}`: limits, "Already subscribed", parse errors.
- The server closes a socket to which it has sent nothing for 60 s. `{"method":"ping"}` is answered
  by `{"channel":"pong"}`; there are no protocol pings.
- At most 10 connections, 30 new ones a minute, 1,000 subscriptions and 2,000 messages a minute, all
  per address.
- A text "Websocket connection established." may come first.
- `allDexsAssetCtxs` has all coins in one message, 14 s apart, by position and without names.
"""

import json
from collections.abc import Sequence

import msgspec

from funding.errors import FrameError
from funding.exchanges.exchange import (
    Conversation,
    KeepAlive,
    Opening,
    Options,
    Plan,
    Subscription,
)
from funding.exchanges.frame import Frame, ignored, notice
from funding.exchanges.hyperliquid.markets import MAIN, Context, markets
from funding.exchanges.quotes import next_hour_ms, quote
from funding.model.quote import is_mixed_symbol

PING = b'{"method":"ping"}'
PING_SECONDS = 30.0
MESSAGE_SECONDS = 0.05  # 1,200 a minute
MOST_TOPICS = 1_000  # of the address
BUILDER_CONNECTIONS = 7
"""Of ten: the main market has its own, and two are left for those that replace others."""
GREETING = b"Websocket connection established."
CHANNEL = "activeAssetCtx"

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Message(msgspec.Struct):
    channel: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Asset(msgspec.Struct, gc=False):
    coin: str
    ctx: Context


class _Subscribed(msgspec.Struct, gc=False):
    coin: str = ""


class _Response(msgspec.Struct):
    subscription: _Subscribed
    method: str = ""


_message = msgspec.json.Decoder(_Message)
_asset = msgspec.json.Decoder(_Asset)
_response = msgspec.json.Decoder(_Response)
_text = msgspec.json.Decoder(str)


class HyperliquidStream:
    """One connection for the main market, and up to seven for builder markets."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def plan(self, _now: float) -> Conversation[Plan]:
        """The living coins of each market. More than the exchange allows are left out by market."""
        found, missing = yield from markets(self._options)
        main = found.pop(MAIN).living()
        groups: list[list[str]] = [[] for _ in range(BUILDER_CONNECTIONS)]
        left = MOST_TOPICS - 2 * len(main)  # a successor has the same topics for a while
        for number, (name, market) in enumerate(found.items()):
            coins = market.living()
            if len(coins) > left:
                missing[name] = f"more than {MOST_TOPICS} subscriptions"
                continue
            left -= len(coins)
            groups[number % BUILDER_CONNECTIONS] += coins
        return Plan([main[:MOST_TOPICS], *filter(None, groups)], missing)

    def refused(self, _now: float) -> bool:
        """There is no other stream."""
        return False

    def open(self, topics: Sequence[str]) -> Conversation[Opening]:
        """One message for each coin."""
        yield from ()
        subscriptions = [Subscription(_subscribe(coin), (coin,)) for coin in topics]
        return Opening(
            self._options.ws_url,
            subscriptions,
            KeepAlive(lambda _number: PING, PING_SECONDS),
            message_seconds=MESSAGE_SECONDS,
        )

    def decode(self, payload: bytes, received_ms: int) -> Frame:
        """See `Stream.decode`."""
        try:
            message = _message.decode(payload)
        except _UNREADABLE as error:
            if payload == GREETING:
                return ignored("greeting")
            raise FrameError(f"not a message of this exchange: {error}") from None
        if message.channel == CHANNEL:
            return _quoted(bytes(message.data), received_ms)
        if message.channel == "subscriptionResponse":
            return _acknowledged(bytes(message.data))
        if message.channel == "error":
            return notice("error", _words(bytes(message.data)))
        return ignored(f"event {message.channel[:40]}")


def _quoted(data: bytes, received_ms: int) -> Frame:
    frame = Frame([], symbol_class=0)
    try:
        asset = _asset.decode(data)
    except _UNREADABLE as error:
        frame.reject("form", f"{error} in {data[:120].decode('utf-8', 'replace')}")
        return frame
    if not is_mixed_symbol(asset.coin):
        frame.reject("symbol", repr(asset.coin[:60]))
        return frame
    found = quote(
        frame,
        asset.coin,
        mark=asset.ctx.mark_px,
        index=asset.ctx.oracle_px,
        funding=asset.ctx.funding,
        due_ms=next_hour_ms(received_ms),
        event_time=received_ms,
    )
    if found is not None:
        frame.quotes, frame.event_time = [found], received_ms
    return frame


def _acknowledged(data: bytes) -> Frame:
    frame = ignored("acknowledgement")
    try:
        response = _response.decode(data)
    except _UNREADABLE:
        return frame
    if response.method == "subscribe" and response.subscription.coin:
        frame.acknowledged = (response.subscription.coin,)
    return frame


def _words(data: bytes) -> str:
    try:
        return _text.decode(data)
    except _UNREADABLE:
        return data[:200].decode("utf-8", "replace")


def _subscribe(coin: str) -> bytes:
    subscription = {"type": CHANNEL, "coin": coin}
    return json.dumps({"method": "subscribe", "subscription": subscription}).encode()
