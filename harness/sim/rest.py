"""The REST side: routes, weights, and the faults that concern them.

# Facts

- Weights: premiumIndex 1 with symbol and 10 without, ticker/24hr 1 and 40, klines by limit, others
  1 (SDK docstrings of 2026-08-19, measured 2026-10-07).
- -1003 bodies: 429 "Too many requests...", 418 "Way too much request weight used; IP banned until
  <epoch ms>". 451 comes from the edge, 403 from its firewall, as HTML.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, cast

import msgspec
from aiohttp import web

from harness.sim import market, replies
from harness.sim.contracts import CLASSES
from harness.sim.exchange_info import coin_margined_exchange_info, exchange_info
from harness.sim.faults import FaultState
from harness.sim.hub import Hub
from harness.sim.limits import Budget
from harness.sim.parameters import ApiError, Query
from harness.sim.replies import Reply, View


def _one(_query: Query) -> int:
    return 1


class Route(NamedTuple):
    """A reply and its weight; None: it draws on the budget of funding requests instead."""

    reply: Reply
    weight: Callable[[Query], int] | None = _one


ROUTES: dict[str, Route] = {
    "premiumIndex": Route(replies.premium_index, lambda query: 1 if "symbol" in query else 10),
    "fundingInfo": Route(replies.funding_info, None),
    "fundingRate": Route(replies.funding_rate, None),
    "openInterest": Route(replies.open_interest),
    "exchangeInfo": Route(exchange_info),
    "klines": Route(replies.klines, replies.candle_weight),
    "markPriceKlines": Route(replies.klines, replies.candle_weight),
    "ticker/24hr": Route(replies.ticker, lambda query: 1 if "symbol" in query else 40),
    "time": Route(replies.server_time),
    "ping": Route(replies.ping),
}
COIN_MARGINED: dict[str, Route] = {
    "premiumIndex": Route(replies.coin_margined_premium_index, lambda _query: 10),
    "fundingRate": Route(replies.coin_margined_funding_rate),
    "exchangeInfo": Route(coin_margined_exchange_info),
}
_RESTRICTED = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in "
    "https://www.binance.com/en/terms. Please contact customer service if you believe you "
    "received this message in error."
)
_TOO_MANY = (
    "Too many requests; current limit of IP is {} requests per minute. Please use the websocket "
    "for live updates to avoid polling the API."
)
_ERRORS: dict[int, tuple[int, str]] = {
    418: (-1003, "Way too much request weight used; IP banned until {}."),
    429: (-1003, _TOO_MANY.format("2400")),
    451: (0, _RESTRICTED),
    500: (-1000, "An unknown error occurred while processing the request."),
    503: (-1001, "Internal error; unable to process your request. Please try again."),
}
_GARBAGE = (
    b'[{"symbol":"BTCUSDT","markPrice":"9', b"<html><body>Bad gateway</body></html>", b"", b"null",
    b'{"symbol":"BTCUSDT","markPrice":"\xff\xfe"}', b'{"symbol":"BTCUSDT","markPrice":NaN}', b"[]",
    b'{"symbol":"BTCUSDT","markPrice":null,"lastFundingRate":[],"time":"now"}', b"17",
)  # fmt: skip


class RestSide:
    """Handlers for the REST routes."""

    def __init__(self, hub: Hub, faults: FaultState) -> None:
        self.hub, self.faults = hub, faults
        self.calls: Counter[str] = Counter()
        self.weight = Budget(limit=2400, minutes=1)
        self.funding = Budget(limit=500, minutes=5)
        self.banned_until_ms = 0
        self._garbage_number = 0

    def routes(self) -> list[web.RouteDef]:
        """Every route, and the answer to any other path below them."""
        return [
            web.get("/fapi/v1/{route:.*}", self.handle),
            web.get("/dapi/v1/{route:.*}", self.handle),
        ]

    def faults_changed(self, posted: dict[str, object]) -> None:
        """Notes when a ban begins."""
        if posted.get("rest_status") == 418:
            pause = self.faults.seconds("rest_ban_seconds", 120)
            pause = self.faults.seconds("rest_retry_after", pause)
            self.banned_until_ms = int(time.time() * 1000 + pause * 1000)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        name = request.match_info["route"]
        known = COIN_MARGINED if request.path.startswith("/dapi/") else ROUTES
        route = known.get(name)
        self.calls[name if route else "unknown"] += 1
        await asyncio.sleep(self.faults.seconds("rest_hang"))
        if self.faults.on("rest_drop"):
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        faulty = self._fault()
        if faulty is not None:
            return faulty
        if route is None:
            return _json({"code": -5000, "msg": f"Path {request.path}, Method GET is invalid"}, 404)
        return self._answer(route, request.query)

    def view(self) -> View:
        """The exchange as REST sees it now."""
        faults, clock, source = self.faults, self.hub.source.clock, self.hub.source
        now = clock.now_ms()
        world, missing = self.hub.frames.world, faults.names("rest_missing")
        listed = {symbol: world.invented(symbol) for symbol in faults.names("list")}
        known = {**world.motions, **listed}
        for symbol in missing:
            known.pop(symbol, None)
        asked = now - faults.seconds("rest_stale_seconds") * 1000
        times = {name: source.latest_ms(name, asked) for name in CLASSES}
        spikes = cast("market.Spikes", faults.active.get("volume_spike", {}))
        return View(known, int(now), times, faults, spikes)

    def _answer(self, route: Route, query: Query) -> web.Response:
        now, headers = self.hub.source.clock.now_ms(), {}
        budget = self.funding if route.weight is None else self.weight
        within = budget.spend(1 if route.weight is None else route.weight(query), now)
        if route.weight is not None:
            headers["X-MBX-USED-WEIGHT-1M"] = str(budget.used(now))
        if not within:
            headers["Retry-After"] = str(budget.seconds_left(now))
            return _json({"code": -1003, "msg": _TOO_MANY.format(budget.limit)}, 429, headers)
        try:
            return _json(route.reply(query, self.view()), 200, headers)
        except ApiError as error:
            return _json(error.body(), error.status, headers)

    def _fault(self) -> web.Response | None:
        if self.faults.on("rest_garbage"):
            self._garbage_number += 1
            body = _GARBAGE[self._garbage_number % len(_GARBAGE)]
            return web.Response(body=body, content_type="application/json")
        status = int(self.faults.seconds("rest_status"))
        if not status:
            return None
        headers = {}
        if self.faults.on("rest_retry_after"):
            headers["Retry-After"] = f"{self.faults.seconds('rest_retry_after'):g}"
        if status == 403:
            page = "<html><head><title>403 Forbidden</title></head><body></body></html>"
            return web.Response(status=403, text=page, content_type="text/html", headers=headers)
        code, text = _ERRORS[status]
        return _json({"code": code, "msg": text.format(self.banned_until_ms)}, status, headers)


def _json(body: object, status: int, headers: dict[str, str] | None = None) -> web.Response:
    data = msgspec.json.encode(body)
    return web.Response(body=data, status=status, headers=headers, content_type="application/json")
