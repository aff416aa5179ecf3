"""The stand-in for Hyperliquid: contexts per coin, `POST /info`, and one builder market.

# Facts

- A context carries no time, no interval and no next settlement; numbers are strings; `premium`,
  `midPx` and `impactPxs` may be null, as they are for delisted coins.
- An unknown coin, or one in the wrong case, drops the whole socket with 1006 and no message. Limits
  are told in frames of the channel "error". JSON pings are answered; the server sends none.
- `fundingHistory` gives the first 500 rows from startTime (weight 20 and 1 per 20 rows); times are
  up to 261 ms late. 1,200 weight a minute.
- `perpDexs` begins with null, the main market.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from aiohttp import web

from harness.sim import shapes
from harness.sim.contracts import unit
from harness.sim.faults import Fault
from harness.sim.limits import Budget
from harness.sim.ticks import Clock
from harness.sim.venues.listings import Listing
from harness.sim.venues.venue import SHARED_FAULTS, Client, Refusal, Venue, decimal, encode

CONNECTIONS_AT_MOST, COINS_AT_MOST, PAGE_ROWS = 10, 1000, 500
_WEIGHT = 1200


class Hyperliquid(Venue):
    """At /hyperliquid/ws and /hyperliquid/info."""

    name = "hyperliquid"
    phase_ms = 200
    faults_known = (
        *SHARED_FAULTS,
        Fault("unknown_coins", shapes.symbols, "in `meta`, and unknown to the stream: 1006"),
        Fault("dex_fails", shapes.switch, "the builder market's `meta` is answered by 500"),
        Fault("dex_gone", shapes.switch, "the builder market is not in `perpDexs`"),
    )

    def __init__(
        self, listings: Iterable[Listing], clock: Clock, *, dexes: dict[str, list[Listing]]
    ) -> None:
        super().__init__(listings, clock)
        self.markets = {"": list(self.listings.values()), **dexes}
        for market in dexes.values():
            self.listings.update((one.symbol, one) for one in market)
        self.budget = Budget(limit=_WEIGHT, minutes=1)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/hyperliquid/ws", self.stream),
            web.post("/hyperliquid/info", self.rest),
        ]

    async def hello(self, connection: Client, _query: Mapping[str, str]) -> None:
        connection.offer(b"Websocket connection established.")
        if len(self.connections) > CONNECTIONS_AT_MOST:
            self._error(connection, "Cannot open more than 10 connections.")
            self.end(connection, 1006)

    async def message(self, connection: Client, given: dict[str, Any]) -> None:
        if given.get("method") == "ping":
            self.say(connection, {"channel": "pong"})
            return
        wanted = given.get("subscription")
        if given.get("method") != "subscribe" or not isinstance(wanted, dict):
            self._error(connection, f"Error parsing JSON into valid websocket request: {given}")
            return
        coin = wanted.get("coin")
        if wanted.get("type") != "activeAssetCtx" or not isinstance(coin, str):
            self._error(connection, f"Invalid subscription {wanted}")
        elif self._unknown(coin):
            self.end(connection, 1006)
        elif coin in connection.topics:
            self._error(connection, f"Already subscribed: {wanted}")
        elif len(connection.topics) >= COINS_AT_MOST:
            self._error(connection, "Cannot subscribe to more than 1000 channels.")
        else:
            connection.topics[coin] = None
            data = {"method": "subscribe", "subscription": wanted}
            self.say(connection, {"channel": "subscriptionResponse", "data": data})

    def complaint(self) -> object:
        return {"channel": "error", "data": "Cannot send more than 2000 messages per minute."}

    def payloads(self, connection: Client, at_ms: float) -> Iterable[bytes]:
        silent = set(self.faults.names("silence_symbols"))
        for coin in connection.topics:
            listing = self.listing(coin)
            if listing is None or coin in silent:
                continue
            context = self._context(listing, at_ms, float(self.faults.seconds("scale", 1.0)))
            yield encode({"channel": "activeAssetCtx", "data": {"coin": coin, "ctx": context}})

    async def answer(self, request: web.Request) -> tuple[str, object]:
        try:
            asked = await request.json()
            kind = asked["type"]
        except (ValueError, TypeError, KeyError):
            raise Refusal(422, "Failed to deserialize the JSON body into the target type") from None
        if kind == "fundingHistory":
            rows = self._history(asked)
            self._spend(20 + len(rows) // 20)
            return kind, rows
        self._spend(20)
        if kind == "perpDexs":
            gone = self.faults.on("dex_gone")
            names = [one for one in self.markets if one and not gone]
            return kind, [None, *({"name": one, "fullName": one.upper()} for one in names)]
        if kind in ("meta", "metaAndAssetCtxs"):
            return kind, self._meta(asked.get("dex") or "", whole=kind != "meta")
        raise Refusal(422, "Failed to deserialize the JSON body into the target type")

    def _meta(self, dex: str, *, whole: bool) -> object:
        if dex and self.faults.on("dex_fails"):
            raise Refusal(500, None)
        if dex not in self.markets or (dex and self.faults.on("dex_gone")):
            raise Refusal(500, None)
        listings, now = self.markets[dex], self.clock.now_ms()
        universe: list[dict[str, object]] = []
        for one in listings:
            row: dict[str, object] = {"szDecimals": 2, "name": one.symbol, "maxLeverage": 10}
            universe.append(row if self.trades(one) else row | {"isDelisted": True})
        meta = {"universe": universe, "marginTables": [], "collateralToken": 0}
        if not whole:
            return meta
        return [meta, [self._rest_context(one, now) for one in listings]]

    def _history(self, asked: dict[str, Any]) -> list[dict[str, object]]:
        listing, since = self.listings.get(asked.get("coin", "")), asked.get("startTime")
        if listing is None or not isinstance(since, int):
            raise Refusal(500, None)
        now = int(self.clock.now_ms())
        until = min(int(asked.get("endTime") or now), now)
        rows = []
        for at, rate in islice(listing.settlements(since, until), PAGE_ROWS):
            late = int(261 * unit(0, listing.symbol, f"late {at}"))
            if since <= at + late <= until:
                premium = decimal(rate - 0.0000125)
                rows.append({
                    "coin": listing.symbol, "fundingRate": decimal(rate), "premium": premium,
                    "time": at + late,
                })  # fmt: skip
        return rows

    def _rest_context(self, one: Listing, at_ms: float) -> dict[str, object]:
        context = self._context(one, at_ms, 1 + self.faults.table("drift").get(one.symbol, 0.0))
        if not self.trades(one):
            nothing = dict.fromkeys(("premium", "midPx", "impactPxs"))
            context |= {"funding": "0.0", "openInterest": "0.0", **nothing}
        return context

    def _context(self, one: Listing, at_ms: float, scale: float) -> dict[str, object]:
        now = one.figures(at_ms)
        mark = decimal(now.mark_price * scale)
        return {
            "funding": decimal(now.rate), "openInterest": "27353.17682", "prevDayPx": mark,
            "dayNtlVlm": "1516669192.1953897476", "premium": decimal(now.rate - 0.0000125),
            "oraclePx": decimal(now.index_price), "markPx": mark, "midPx": mark,
            "impactPxs": [mark, mark], "dayBaseVlm": "19707.77457",
        }  # fmt: skip

    def _unknown(self, coin: str) -> bool:
        dex_gone = ":" in coin and self.faults.on("dex_gone")
        unknown = coin in self.faults.names("unknown_coins")
        return dex_gone or unknown or self.listing(coin) is None

    def _spend(self, weight: int) -> None:
        if not self.budget.spend(weight, self.clock.now_ms()):
            raise Refusal(429, None)

    def _error(self, connection: Client, text: str) -> None:
        self.say(connection, {"channel": "error", "data": text})
