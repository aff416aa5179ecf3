"""The stand-in for Backpack: mark prices by stream name, and REST behind a cache.

# Facts

- Stream: E and T in microseconds, n in milliseconds; f, i and n may be absent; no acknowledgement
  of a SUBSCRIBE; `Invalid stream` with 4006 for a name of no known form; an unknown or closed
  market is silent. The server pings every 60 s and wants the pong within 120 s.
- REST: rows of markPrices carry no time, the cache's `Age` header tells how old they are;
  `fundingInterval` is in markets alone; fundingRates pages backwards by `offset`, the newest row is
  of the interval that still runs, and times are ISO without a zone (UTC), rates of 9 decimals.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aiohttp import WSMsgType, web

from harness.sim import shapes
from harness.sim.faults import Fault
from harness.sim.venues.listings import Listing
from harness.sim.venues.venue import SHARED_FAULTS, Client, Refusal, Venue, decimal, encode

PING_SECONDS, PONG_SECONDS, PAGE_ROWS = 60.0, 120.0, 1000
_DAY_MS = 86_400_000
_NAME = re.compile(r"markPrice\.[A-Za-z0-9._]+")


class Backpack(Venue):
    """At /backpack/ws and /backpack/api/v1/."""

    name = "backpack"
    phase_ms = 847
    faults_known = (
        *SHARED_FAULTS,
        Fault("absent_fields", shapes.symbols, "these markets' messages have no f, i and n"),
        Fault("age_seconds", shapes.seconds, "REST answers out of a cache this old"),
    )

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/backpack/ws", self.stream),
            web.get("/backpack/{path:api/.*}", self.rest),
        ]

    async def message(self, connection: Client, given: dict[str, Any]) -> None:
        names = given.get("params")
        if given.get("method") not in ("SUBSCRIBE", "UNSUBSCRIBE") or not isinstance(names, list):
            self.say(connection, _error(4000, "Invalid request"))
            return
        for name in names:
            if not (isinstance(name, str) and _NAME.fullmatch(name)):
                self.say(connection, _error(4006, "Invalid stream"))
            elif given["method"] == "SUBSCRIBE":
                connection.topics[name] = None
            else:
                connection.topics.pop(name, None)

    async def care(self, connection: Client, now: float) -> None:
        waits = connection.unheard_since > connection.heard_at
        if waits and now - connection.unheard_since > PONG_SECONDS:
            self.end(connection, 1008, "Pong timeout")
        elif now - connection.pinged_at >= PING_SECONDS:
            connection.pinged_at = now
            if not waits:
                connection.unheard_since = now
            connection.offer(str(int(time.time())).encode(), WSMsgType.PING)

    def payloads(self, connection: Client, at_ms: float) -> Iterable[bytes]:
        silent, bare = self.faults.names("silence_symbols"), self.faults.names("absent_fields")
        for name in connection.topics:
            symbol = name.partition(".")[2]
            listing = self.listing(symbol)
            if listing is None or symbol in silent:
                continue
            now = listing.figures(at_ms)
            row: dict[str, object] = {
                "E": int(at_ms * 1000) + 671, "T": int(at_ms * 1000), "e": "markPrice",
            }  # fmt: skip
            if symbol not in bare:
                row |= {"f": decimal(now.rate), "i": self.price(now.index_price), "n": now.next_ms}
            row |= {"p": self.price(now.mark_price), "s": symbol}
            yield encode({"data": row, "stream": name})

    async def rest(self, request: web.Request) -> web.StreamResponse:
        response = await super().rest(request)
        if self.faults.on("age_seconds"):
            response.headers["Age"] = f"{self.faults.seconds('age_seconds'):.0f}"
        return response

    async def answer(self, request: web.Request) -> tuple[str, object]:
        path = request.match_info["path"].removeprefix("api/v1/")
        symbol, now = request.query.get("symbol"), self.clock.now_ms()
        chosen = [one for one in self.listings.values() if symbol in (None, one.symbol)]
        if not chosen:
            raise Refusal(400, {"code": "INVALID_SYMBOL", "message": "Invalid symbol"})
        if path == "markPrices":
            asked = now - self.faults.seconds("age_seconds") * 1000
            return path, [self._mark_price(one, asked) for one in chosen]
        if path == "markets":
            spot = {
                "symbol": "SOL_USDC", "baseSymbol": "SOL", "quoteSymbol": "USDC",
                "marketType": "SPOT", "orderBookState": "Open", "fundingInterval": None,
                "visible": True,
            }  # fmt: skip
            return path, [spot, *(self._market(one) for one in chosen)]
        if path == "fundingRates" and symbol is not None:
            return path, self._history(chosen[0], request, int(now))
        raise Refusal(404, {"code": "RESOURCE_NOT_FOUND", "message": "Not found"})

    def _mark_price(self, one: Listing, at_ms: float) -> dict[str, object]:
        now = one.figures(at_ms)
        return {
            "fundingRate": decimal(now.rate), "indexPrice": decimal(now.index_price),
            "markPrice": self.rest_price(one, now.mark_price), "nextFundingTimestamp": now.next_ms,
            "symbol": one.symbol,
        }  # fmt: skip

    def _market(self, one: Listing) -> dict[str, object]:
        row: dict[str, object] = {
            "symbol": one.symbol, "baseSymbol": one.base, "quoteSymbol": "USDC",
            "marketType": "PERP", "orderBookState": "Open" if self.trades(one) else "Closed",
            "fundingInterval": one.period_ms, "visible": True,
        }  # fmt: skip
        return row | ({"rwaMarketType": "STOCK"} if ".US" in one.symbol else {})

    def _history(self, one: Listing, request: web.Request, now: int) -> list[dict[str, object]]:
        limit = int(request.query.get("limit", 100))
        offset = int(request.query.get("offset", 0))
        if not 1 <= limit <= PAGE_ROWS:
            raise Refusal(400, {"code": "INVALID_CLIENT_REQUEST", "message": "Invalid limit"})
        # The newest row is of the interval that still runs.
        first = (now // one.period_ms + 1 - offset) * one.period_ms
        rows: list[dict[str, object]] = []
        for at in range(first, max(first - limit * one.period_ms, now - 400 * _DAY_MS),
                        -one.period_ms):  # fmt: skip
            ended = datetime.fromtimestamp(at / 1000, UTC).replace(tzinfo=None)
            rate = one.figures(min(at, now)).rate
            rows.append({
                "fundingRate": f"{rate:.9f}", "intervalEndTimestamp": ended.isoformat(),
                "symbol": one.symbol,
            })  # fmt: skip
        return rows

    def complaint(self) -> object:
        return _error(4006, "Invalid stream")


def _error(code: int, text: str) -> dict[str, object]:
    return {"id": None, "error": {"code": code, "message": text}}
