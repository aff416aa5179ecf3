"""The stand-in for KuCoin futures: the tokenless push feed, the classic feed, and REST.

# Facts

- Push: `{"id","action":"subscribe","channel","symbols"}`, messages `{"T","P","d"}` in binary frames
  with numbers as strings and `P` in nanoseconds; 600 topics a connection, 100 symbols a subscribe.
- Classic: a token from bullet-public, good for 24 hours and one connection each; numbers are JSON
  floats; the symbol is in `topic` alone; 100 topics a subscribe; without a message of the client a
  socket is closed after 60.5 s with 1000 "Bye". Unknown symbols are acknowledged and silent.
- `nextFundingRateTime` is what remains, in ms; `nextFundingRateDateTime` is the instant.
- Errors are status 200 with a `code` other than "200000"; 429 has the code 429000.
- The welcome of the push feed is not known from a capture: that of the classic feed is used.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import WSMsgType, web

from harness.sim import shapes
from harness.sim.faults import Fault
from harness.sim.ticks import Clock
from harness.sim.venues.listings import Listing
from harness.sim.venues.venue import SHARED_FAULTS, Client, Refusal, Venue, encode

TOPICS_AT_MOST, SYMBOLS_PER_SUBSCRIBE = 600, 100
QUIET_SECONDS = 60.5
_PAGE_ROWS = 100
_PING = {"pingInterval": 18_000, "pingTimeout": 10_000}


class _KuCoin(Venue):
    """What both feeds share: the market."""

    phase_ms = 443
    faults_known = (
        *SHARED_FAULTS,
        Fault("refuse_push", shapes.switch, "the push feed's handshakes are answered by 403"),
        Fault("token_seconds", shapes.seconds, "a token is good for so long (a day)"),
        Fault("new_granularity", shapes.by_symbol, "hours announced as the next interval"),
    )

    def fee(self, listing: Listing, at_ms: float) -> dict[str, object]:
        """A row of funding-fee-all-symbols."""
        now = listing.figures(at_ms)
        last = now.next_ms - listing.period_ms
        cap = 0.003 * listing.hours / 8
        return {
            "s": listing.symbol, "fr": f"{now.rate:.8f}", "ft": last,
            "lfr": f"{listing.figures(last).rate:.8f}", "nt": now.next_ms,
            "gl": listing.period_ms, "fc": f"{cap:g}", "ff": f"{-cap:g}",
        }  # fmt: skip

    def living(self) -> Iterable[Listing]:
        """What trades."""
        return (one for one in self.listings.values() if self.trades(one))


class KuCoinPush(_KuCoin):
    """The tokenless feed, at /kucoin/push."""

    name = "kucoin"
    opcode = WSMsgType.BINARY

    def __init__(self, listings: Iterable[Listing], clock: Clock) -> None:
        super().__init__(listings, clock)
        self.classic = KuCoinClassic(listings, clock)
        self.classic.faults, self.classic.listings = self.faults, self.listings
        self._made: dict[str, bytes] = {}
        self._made_at = 0.0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/kucoin/push", self.stream),
            *self.classic.routes(),
            web.get("/kucoin/{path:api/.*}", self.rest),
            web.post("/kucoin/{path:api/v1/bullet-public}", self.rest),
        ]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        if self.faults.on("refuse_push"):
            return web.Response(status=403, text="Forbidden")
        return await super().stream(request)

    async def hello(self, connection: Client, _query: Mapping[str, str]) -> None:
        self.say(connection, {"id": secrets.token_hex(4), "type": "welcome", **_PING})

    async def message(self, connection: Client, given: dict[str, Any]) -> None:
        number = given.get("id")
        if given.get("type") == "ping" or given.get("action") == "ping":
            self.say(connection, {"id": number, "type": "pong"})
            return
        channel, symbols = given.get("channel"), given.get("symbols") or []
        if isinstance(given.get("symbol"), str):
            symbols = [given["symbol"]]
        names = [f"{channel}:{one}" for one in symbols] or [str(channel)]
        topics = connection.topics
        wrong = (
            given.get("action") not in ("subscribe", "unsubscribe")
            or channel not in ("mark-price", "funding-fee", "funding-fee-all-symbols")
            or len(symbols) > SYMBOLS_PER_SUBSCRIBE
            or len(set(topics) | set(names)) > TOPICS_AT_MOST
        )
        if not wrong:
            for one in names:
                if given["action"] == "subscribe":
                    topics[one] = None
                else:
                    topics.pop(one, None)
        self.say(connection, {"id": number, "result": not wrong})

    def payloads(self, connection: Client, at_ms: float) -> Iterable[bytes]:
        if at_ms != self._made_at:
            self._made, self._made_at = {}, at_ms
        silent = set(self.faults.names("silence_symbols"))
        minute = int(at_ms) // 60_000
        for topic in connection.topics:
            channel, _, symbol = topic.partition(":")
            if channel == "mark-price":
                listing = self.listing(symbol)
                if listing is not None and symbol not in silent:
                    yield self._made.get(symbol) or self._mark(listing, at_ms)
            elif connection.minutes.get(topic) != minute:
                connection.minutes[topic] = minute
                rows = [self.fee(one, at_ms) for one in self.living() if symbol in ("", one.symbol)]
                for row in rows if symbol else [rows]:
                    yield self._envelope(channel, at_ms, row)

    def complaint(self) -> object:
        return {"id": "p18", "result": False, "message": "invalid request data"}

    def _mark(self, listing: Listing, at_ms: float) -> bytes:
        now = listing.figures(at_ms)
        row = {
            "s": listing.symbol, "mp": self.price(now.mark_price),
            "ip": self.price(now.index_price), "oi": "23445", "ts": int(at_ms) // 1000 * 1000,
        }  # fmt: skip
        self._made[listing.symbol] = made = self._envelope("mark-price", at_ms, row)
        return made

    def _envelope(self, channel: str, at_ms: float, row: object) -> bytes:
        return encode({"T": channel, "P": int(at_ms * 1e6), "d": row})

    async def answer(self, request: web.Request) -> tuple[str, object]:
        path, now = request.match_info["path"], self.clock.now_ms()
        if path == "api/v1/bullet-public":
            token = self.classic.new_token()
            server = {
                "endpoint": f"ws://{request.host}/kucoin/classic", "encrypt": False,
                "protocol": "websocket", **_PING,
            }  # fmt: skip
            return path, _data({"token": token, "instanceServers": [server]})
        if path == "api/v1/contracts/active":
            return path, _data([self._contract(one, now) for one in self.living()])
        if path.startswith("api/v1/contracts/"):
            one = self.listing(path.removeprefix("api/v1/contracts/"))
            if one is None:
                raise Refusal(200, {"code": "300000", "msg": "Symbol not exists"})
            return "api/v1/contracts", _data(self._contract(one, now))
        if path == "api/ua/v2/market/funding-rate":
            rows = [self._announced(one, now) for one in self.living()]
            return path, _data([*rows, {"symbol": ".XBTUSDTMFPI8H", "nextFundingRate": "0"}])
        if path == "api/v1/contract/funding-rates":
            return path, _data(self._history(request))
        raise Refusal(404, {"code": "404000", "msg": "Url Not Found"})

    def _contract(self, one: Listing, at_ms: float) -> dict[str, object]:
        now, cap = one.figures(at_ms), 0.003 * one.hours / 8
        return {
            "symbol": one.symbol, "baseCurrency": one.base, "quoteCurrency": "USDT",
            "settleCurrency": "USDT", "type": "FFWCSX", "isInverse": False, "multiplier": 0.001,
            "fundingFeeRate": now.rate, "predictedFundingFeeRate": None,
            "fundingRateGranularity": one.period_ms,
            "currentFundingRateGranularity": None if one.symbol == "ETCUSDTM" else one.period_ms,
            "fundingRateCap": cap, "fundingRateFloor": -cap, "openInterest": "28127482",
            "turnoverOf24h": 719993040.669, "volumeOf24h": 10741.132,
            "markPrice": float(self.rest_price(one, now.mark_price)), "indexPrice": now.index_price,
            "nextFundingRateTime": int(now.next_ms - at_ms),
            "nextFundingRateDateTime": now.next_ms, "maxLeverage": 125, "status": "Open",
            "firstOpenDate": 1_585_555_200_000,
        }  # fmt: skip

    def _announced(self, one: Listing, at_ms: float) -> dict[str, object]:
        now, cap = one.figures(at_ms), 0.003 * one.hours / 8
        hours = self.faults.table("new_granularity").get(one.symbol, one.hours)
        return {
            "symbol": one.symbol, "nextFundingRate": f"{now.rate:.8f}", "fundingTime": now.next_ms,
            "fundingRateCap": f"{cap:g}", "fundingRateFloor": f"{-cap:g}",
            "currentGranularity": one.period_ms, "newGranularity": int(hours * 3_600_000),
            "newGranularityStartTime": now.next_ms,
        }  # fmt: skip

    def _history(self, request: web.Request) -> list[dict[str, object]]:
        symbol, since, until = (request.query.get(one, "") for one in ("symbol", "from", "to"))
        listing = self.listings.get(symbol)
        if listing is None or not (since.isdigit() and until.isdigit()):
            raise Refusal(200, {"code": "300000", "msg": "Symbol not exists"})
        rows = list(listing.settlements(int(since), min(int(until), int(self.clock.now_ms()))))
        newest = reversed(rows[-_PAGE_ROWS:])
        return [{"symbol": symbol, "fundingRate": rate, "timepoint": at} for at, rate in newest]


class KuCoinClassic(_KuCoin):
    """The feed with tokens, at /kucoin/classic."""

    name = "kucoin-classic"

    def __init__(self, listings: Iterable[Listing], clock: Clock) -> None:
        super().__init__(listings, clock)
        self._tokens: dict[str, float] = {}

    def new_token(self) -> str:
        """A token for one connection."""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = time.monotonic()
        return token

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/kucoin/classic", self.stream)]

    async def hello(self, connection: Client, query: Mapping[str, str]) -> None:
        made = self._tokens.pop(query.get("token", ""), None)
        life = self.faults.seconds("token_seconds", 86_400.0)
        if made is None or time.monotonic() - made > life:
            error = {"id": "", "type": "error", "code": 401, "data": "token is invalid"}
            await connection.socket.send_bytes(encode(error))
            self.end(connection, 1000, "token is invalid")
            return
        number = query.get("connectId", secrets.token_hex(4))
        self.say(connection, {"id": number, "type": "welcome"})

    async def message(self, connection: Client, given: dict[str, Any]) -> None:
        number, kind, topic = given.get("id"), given.get("type"), str(given.get("topic", ""))
        path, _, names = topic.partition(":")
        symbols = names.split(",")
        if kind == "ping":
            self.say(connection, {"id": number, "type": "pong"})
        elif kind == "subscribe" and path == "/contract/instrument":
            if len(symbols) > SYMBOLS_PER_SUBSCRIBE:
                self.say(connection, {**self.complaint(), "id": number})
                return
            connection.topics.update(dict.fromkeys(symbols))
            if given.get("response"):
                self.say(connection, {"id": number, "type": "ack"})
        else:
            text = f"topic {topic} is not found"
            self.say(connection, {"id": number, "type": "error", "code": 404, "data": text})

    def complaint(self) -> dict[str, object]:
        text = "exceed max subscription count limitation of 100 per time"
        return {"id": "p28", "type": "error", "code": 509, "data": text}

    async def care(self, connection: Client, now: float) -> None:
        if now - connection.heard_at > QUIET_SECONDS:
            self.end(connection, 1000, "Bye")

    def payloads(self, connection: Client, at_ms: float) -> Iterable[bytes]:
        silent = set(self.faults.names("silence_symbols"))
        minute = int(at_ms) // 60_000 * 60_000
        for symbol in connection.topics:
            listing = self.listing(symbol)
            if listing is None or symbol in silent:
                continue
            now = listing.figures(at_ms)
            mark, index = float(self.price(now.mark_price)), float(self.price(now.index_price))
            yield self._pushed(symbol, "mark.index.price", {
                "markPrice": mark, "indexPrice": index, "granularity": 1000,
                "timestamp": int(at_ms) // 1000 * 1000,
            })  # fmt: skip
            if connection.minutes.get(symbol) != minute:
                connection.minutes[symbol] = minute
                yield self._pushed(symbol, "funding.rate", {
                    "period": 1, "granularity": 60_000, "fundingRate": round(now.rate, 8),
                    "timestamp": minute,
                })  # fmt: skip

    def _pushed(self, symbol: str, subject: str, data: object) -> bytes:
        topic = f"/contract/instrument:{symbol}"
        return encode({"topic": topic, "type": "message", "subject": subject, "data": data})


def _data(data: object) -> dict[str, object]:
    return {"code": "200000", "data": data}
