"""What the stand-ins of all venues share: sockets, one tick a second, faults, and the REST frame.

A venue is a class with its own addresses below /<name>/, which says what a client's message means,
which messages a tick has for a connection, and what REST answers.

# Facts

- KuCoin's mark price of a second was sent 443 ms after it, and Backpack's messages 847 ms after the
  full second (captures of 2026-09-22 and 23): `phase_ms`. Hyperliquid's messages have no time.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast

from aiohttp import WSMsgType, web

from harness.sim import shapes
from harness.sim.connection import Connection
from harness.sim.faults import Fault, FaultState
from harness.sim.ticks import Clock
from harness.sim.venues.listings import Listing

SHARED_FAULTS: tuple[Fault, ...] = (
    Fault("freeze", shapes.switch, "messages keep coming with the values and times of its start"),
    Fault("silence", shapes.switch, "sockets stay open, pings are answered, no data is sent"),
    Fault("silence_symbols", shapes.symbols, "subscribed, acknowledged, and never sent"),
    Fault("half_open", shapes.switch, "connections open now are neither read nor written"),
    Fault("close", shapes.close, "closes all with this code; 1006: without a close frame", True),
    Fault("abort", shapes.switch, "resets all connections (RST)", True),
    Fault("life_seconds", shapes.seconds, "each connection is closed so long after its start"),
    Fault("error_frame", shapes.switch, "tells all connections of an error", True),
    Fault("garbage", shapes.switch, "a message that is not JSON after each tick"),
    Fault("scale", shapes.number, "prices of the stream times this: the venue lies"),
    Fault("refuse", shapes.switch, "handshakes are answered by 503"),
    Fault("handshake_status", shapes.handshake, "handshakes are answered by this status"),
    Fault("drop_connections", shapes.switch, "handshakes and REST: closed without a byte"),
    Fault("drift", shapes.by_symbol, "REST mark price times (1 + x)"),
    Fault("delist", shapes.symbols, "these trade no more, and REST says so"),
    Fault("rest_status", shapes.rest_status, "every REST call is answered by this status"),
    Fault("rest_retry_after", shapes.seconds, "the Retry-After header that goes with it"),
    Fault("rest_hang", shapes.seconds, "every REST answer comes this much later"),
    Fault("rest_garbage", shapes.switch, "REST answers 200 with a body that is not JSON"),
)
_QUEUE_MESSAGES = 4096
_LOOK_SECONDS = 0.1
_DAY_SECONDS = 86_400.0


class Refusal(Exception):
    """An answer of REST that is not the one asked for."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


class Client(Connection):
    """One client's WebSocket and what it subscribed to."""

    def __init__(self, socket_: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        super().__init__(
            socket_, transport, enveloped=False, routed=True, queue_messages=_QUEUE_MESSAGES
        )
        self.topics: dict[str, None] = {}
        self.minutes: dict[str, int] = {}  # the minute in which a topic was last sent
        self.closing: asyncio.Future[None] | None = None


class Venue:
    """One venue: its connections, its faults and its counts."""

    name = ""
    faults_known: tuple[Fault, ...] = SHARED_FAULTS
    opcode = WSMsgType.TEXT
    phase_ms = 0

    def __init__(self, listings: Iterable[Listing], clock: Clock) -> None:
        self.listings = {one.symbol: one for one in listings}
        self.clock = clock
        self.faults = FaultState(self.faults_known)
        self.connections: set[Client] = set()
        self.accepted = self.attempts = self.ticks = self.left_out = 0
        self.calls: Counter[str] = Counter()
        self._frozen_ms = 0.0

    # What a venue says for itself

    def routes(self) -> list[web.RouteDef]:
        """Its addresses."""
        raise NotImplementedError

    async def hello(self, connection: Client, query: Mapping[str, str]) -> None:
        """What is sent as a connection opens; `query` is that of its address."""

    async def message(self, connection: Client, given: dict[str, Any]) -> None:
        """A message of the client that is a JSON object."""
        raise NotImplementedError

    def payloads(self, connection: Client, at_ms: float) -> Iterable[bytes]:
        """What this tick has for a connection."""
        raise NotImplementedError

    async def care(self, connection: Client, now: float) -> None:
        """Once a tick: closes what the venue closes; `now` is monotonic seconds."""

    def complaint(self) -> object:
        """The message by which it tells of an error that ends nothing."""
        raise NotImplementedError

    # The stream

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """One WebSocket, from handshake to end."""
        self.attempts += 1
        refused = self._refused_handshake(request)
        if refused is not None:
            return refused
        response = web.WebSocketResponse(autoping=False, max_msg_size=1 << 20)
        await response.prepare(request)
        transport = cast("asyncio.Transport", request.transport)
        connection = Client(response, transport)
        self.accepted += 1
        self.connections.add(connection)
        sender = asyncio.ensure_future(connection.send_queued())
        try:
            await self.hello(connection, request.query)
            async for message in response:
                connection.heard_at = time.monotonic()
                if message.type is WSMsgType.PING:
                    await response.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    await self._message(connection, message.data)
        finally:
            sender.cancel()
            self.connections.discard(connection)
        return response

    def say(self, connection: Client, value: object) -> None:
        """Sends one JSON message."""
        connection.offer(encode(value), self.opcode)

    async def run(self) -> None:
        """Sends every tick, for ever."""
        last = 0
        while True:
            number = int(self.clock.now_ms() - self.phase_ms) // 1000 + 1
            self.left_out += max(0, number - last - 1) if last else 0
            last = number
            due = number * 1000 + self.phase_ms
            await asyncio.sleep(max(0.001, self.clock.seconds_until(due)))
            self.ticks += 1
            await self._tick(self.instant(), time.monotonic())

    def instant(self) -> float:
        """The instant that the venue's values speak of, epoch ms."""
        now = self.clock.now_ms()
        if not self.faults.on("freeze"):
            self._frozen_ms = 0.0
            return now
        self._frozen_ms = self._frozen_ms or now
        return self._frozen_ms

    def listing(self, symbol: str) -> Listing | None:
        """The listing of this name while it trades."""
        found = self.listings.get(symbol)
        return found if found and self.trades(found) else None

    def trades(self, listing: Listing) -> bool:
        """Whether it trades now."""
        return listing.living and listing.symbol not in self.faults.names("delist")

    def price(self, value: float) -> str:
        """A price as the stream sends it, ten significant digits."""
        return decimal(value * self.faults.seconds("scale", 1.0))

    def rest_price(self, listing: Listing, value: float) -> str:
        """A price as REST says it."""
        return decimal(value * (1 + self.faults.table("drift").get(listing.symbol, 0.0)))

    def faults_changed(self, posted: Mapping[str, object]) -> None:
        """Carries out what a change of faults means for the connections open now."""
        for one in list(self.connections):
            if "half_open" in posted:
                one.go_half_open()
            elif "abort" in posted or (one.half_open and not self.faults.on("half_open")):
                one.reset()
            if "error_frame" in posted:
                self.say(one, self.complaint())
            if "close" in posted:
                how = cast("dict[str, Any]", posted["close"])
                self.end(one, how["code"], how["reason"])

    def end(self, connection: Client, code: int, reason: str = "") -> None:
        """Closes a connection without waiting for it."""
        connection.closing = asyncio.ensure_future(connection.close(code, reason))

    async def _tick(self, at_ms: float, now: float) -> None:
        for one in [one for one in self.connections if not one.ending and not one.half_open]:
            await self.care(one, now)
            if now - one.opened_at >= self.faults.seconds("life_seconds", _DAY_SECONDS):
                self.end(one, 1001)
            elif not self.faults.on("silence"):
                for payload in self.payloads(one, at_ms):
                    one.offer(payload, self.opcode)
                if self.faults.on("garbage"):
                    one.offer(b'{"half of a mess', self.opcode)
            await asyncio.sleep(0)

    async def _message(self, connection: Client, text: str) -> None:
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            given = None
        await self.message(connection, given if isinstance(given, dict) else {})

    def _refused_handshake(self, request: web.Request) -> web.StreamResponse | None:
        if self.faults.on("drop_connections"):
            return dropped(request)
        if self.faults.on("refuse"):
            return web.Response(status=503, text="Service Unavailable")
        given = cast("dict[str, Any] | None", self.faults.active.get("handshake_status"))
        if given is None:
            return None
        headers = {"Retry-After": str(given["retry_after"])} if "retry_after" in given else {}
        return web.Response(status=given["status"], headers=headers)

    # REST

    async def rest(self, request: web.Request) -> web.StreamResponse:
        """One call: the faults first, then the venue's own answer."""
        if self.faults.on("drop_connections"):
            return dropped(request)
        await asyncio.sleep(self.faults.seconds("rest_hang"))
        status = int(self.faults.seconds("rest_status"))
        if status:
            wait = self.faults.seconds("rest_retry_after", -1)
            headers = {"Retry-After": f"{wait:g}"} if wait >= 0 else {}
            return web.Response(status=status, headers=headers, text="refused")
        if self.faults.on("rest_garbage"):
            return web.Response(body=b"<html>Bad gateway</html>", content_type="text/html")
        try:
            route, body = await self.answer(request)
        except Refusal as refusal:
            self.calls["refused"] += 1
            return json_response(refusal.body, refusal.status)
        self.calls[route] += 1
        return json_response(body)

    async def answer(self, request: web.Request) -> tuple[str, object]:
        """(the route's name, the body); raises `Refusal`."""
        raise NotImplementedError


def dropped(request: web.Request) -> web.StreamResponse:
    """No answer: the connection ends without a byte."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def encode(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_response(body: object, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=encode(body), status=status, content_type="application/json")


def decimal(value: float) -> str:
    """Ten significant digits, never with an exponent."""
    text = f"{value:.10g}"
    return text if "e" not in text else f"{value:.18f}".rstrip("0")
