"""KuCoin: the two streams, push and classic, and when one takes the other's place. Pure.

# Facts
(venue profile of 2026-09-22 by a public project, official SDK)
- Push needs no token: at most 600 topics a connection and 300 messages of the client in 10 s. The
  list of symbols that a subscription may have is not documented for `mark-price`, so each has its
  own. After 60 s without a subscription and a message it is closed; `{"id","type":"ping"}` every
  18 s, and never twice in a second. In April 2026 the exchange called this interface a beta.
- Classic: `bullet-public` (weight 10) gives a token, which is good for one day, and the address. A
  token is asked for before each connection, since one that was kept is refused. 100 topics a
  subscription, 300 a session by one of its documents; a client that is silent for 60 s is sent
  away with the code 1000, "Bye".
"""

import json
from collections.abc import Sequence
from urllib.parse import quote as quoted

import msgspec

from funding.errors import RestGarbled
from funding.exchanges.exchange import (
    Conversation,
    KeepAlive,
    Opening,
    Options,
    Plan,
    Request,
    Subscription,
)
from funding.exchanges.frame import Frame
from funding.exchanges.kucoin import messages
from funding.exchanges.kucoin.rates import Funding, Rates
from funding.exchanges.kucoin.rest import data_of, listed
from funding.model.quote import distinct

PUSH, CLASSIC = "push", "classic"
ALL_RATES = "funding-fee-all-symbols"
PUSH_TOPICS = 590  # of 600
PUSH_MESSAGE_SECONDS = 0.05  # 200 in 10 s
CLASSIC_TOPICS = 290  # of 300
CLASSIC_PER_MESSAGE = 90  # of 100
CLASSIC_MESSAGE_SECONDS = 0.2
CLASSIC_PLAN_SECONDS = 60.0  # it tells no next funding time, and the list of contracts does
PING_SECONDS = 15.0
FALLBACK_SECONDS = 3_600.0
"""How long classic is used where push refuses, before push is tried again."""


class _Server(msgspec.Struct):
    endpoint: str


class _Bullet(msgspec.Struct, rename="camel"):
    token: str
    instance_servers: list[_Server]


_bullet = msgspec.json.Decoder(_Bullet)


class KucoinStream:
    """Either stream. Both are kept to the same contracts, in as few connections as are allowed."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._rates = Rates()
        self._wanted = options.feed or PUSH
        self._feed = self._wanted
        self._push_again_at = 0.0
        self._connects = 0

    def plan(self, now: float) -> Conversation[Plan]:
        """All perpetuals; their rates and next funding times are kept until the stream tells."""
        if self._feed != self._wanted and now >= self._push_again_at:
            self._feed = self._wanted
        found, at = yield from listed(self._options)
        for row in found:
            due = row.next_funding_rate_date_time or None
            self._rates.learn(row.symbol, Funding(row.funding_fee_rate, due, at))
        symbols = distinct(row.symbol for row in found if row.status == "Open")
        push = self._feed == PUSH
        most = PUSH_TOPICS if push else CLASSIC_TOPICS
        # Two connections of half the size rather than one that is full and one that is not.
        count = max(1, -(-len(symbols) // most))
        size = max(1, -(-len(symbols) // count))
        parts = [symbols[start : start + size] for start in range(0, len(symbols), size)]
        return Plan(parts) if push else Plan(parts, seconds=CLASSIC_PLAN_SECONDS)

    def refused(self, now: float) -> bool:
        """Push refuses: classic for an hour."""
        if self._feed != PUSH:
            return False
        self._feed, self._push_again_at = CLASSIC, now + FALLBACK_SECONDS
        return True

    def open(self, topics: Sequence[str]) -> Conversation[Opening]:
        """With a new token, where one is needed."""
        self._connects += 1
        if self._feed == PUSH:
            return self._open_push(topics)
        url = f"{self._options.rest_url}/api/v1/bullet-public"
        reply = yield Request("bullet-public", url, weight=10, body=b"")
        bullet = data_of(_bullet, reply, "bullet-public")
        endpoint = bullet.instance_servers[0].endpoint if bullet.instance_servers else ""
        if not endpoint.startswith(("wss://", "ws://")):
            raise RestGarbled(f"bullet-public: no address in {endpoint[:100]!r}")
        parts = [
            topics[at : at + CLASSIC_PER_MESSAGE]
            for at in range(0, len(topics), CLASSIC_PER_MESSAGE)
        ]
        return Opening(
            f"{endpoint}?token={quoted(bullet.token)}&connectId={self._connects}",
            [Subscription(_classic(part), tuple(part)) for part in parts],
            KeepAlive(_ping, PING_SECONDS),
            welcomed=True,
            message_seconds=CLASSIC_MESSAGE_SECONDS,
        )

    def decode(self, payload: bytes, _received_ms: int) -> Frame:
        """See `Stream.decode`."""
        return messages.decode(payload, self._rates)

    def _open_push(self, topics: Sequence[str]) -> Opening:
        return Opening(
            self._options.ws_url,
            [
                Subscription(_push(ALL_RATES), ()),
                *(Subscription(_push("mark-price", symbol), (symbol,)) for symbol in topics),
            ],
            KeepAlive(_ping, PING_SECONDS),
            welcomed=True,
            message_seconds=PUSH_MESSAGE_SECONDS,
        )


def _push(channel: str, symbol: str = "") -> bytes:
    message = {"id": symbol or channel, "action": "subscribe", "channel": channel}
    if symbol:
        message["symbol"] = symbol
    return json.dumps(message).encode()


def _classic(symbols: Sequence[str]) -> bytes:
    topic = messages.INSTRUMENT + ",".join(symbols)
    message = {"id": symbols[0], "type": "subscribe", "topic": topic, "response": True}
    return json.dumps(message).encode()


def _ping(number: int) -> bytes:
    return json.dumps({"id": f"ping{number}", "type": "ping"}).encode()
