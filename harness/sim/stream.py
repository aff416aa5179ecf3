"""The WebSocket side: handshakes, routes, subscriptions and the limits on what clients send.

# Facts

- Mark price streams live on /market alone. Legacy /ws and /stream, and /public, still shake hands,
  acknowledge SUBSCRIBE and send no mark price (retired 2026-04-23; observed 2026-10-07).
- Every SUBSCRIBE is acknowledged, even for names that do not exist.
- More than 10 messages a second end in 1008 "Too many requests"; the 1025th stream in error code 4
  and 1008 "Invalid request" (measured 2026-10-07).
- `/ws` sends bare payloads, `/stream` the envelope {"stream","data"}, named as subscribed.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from aiohttp import WSMsgType, web

from harness.sim.connection import Connection
from harness.sim.faults import FaultState
from harness.sim.hub import Hub
from harness.sim.subscription import parse

_STREAM_LIMIT = 1024
_LOOK_SECONDS = 0.05
_LARGEST_MESSAGE = 64 * 1024


class StreamSide:
    """Handlers for the WebSocket routes."""

    def __init__(self, hub: Hub, faults: FaultState) -> None:
        self.hub, self.faults = hub, faults

    def routes(self) -> list[web.RouteDef]:
        """The routed paths, and the retired ones, which still answer."""
        forms = ("/ws", "/stream", "/ws/{names:.+}")
        paths = [base + form for base in ("/market", "/public", "") for form in forms]
        return [web.get(path, self.handle) for path in paths]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One client, from its handshake to its end."""
        self.hub.attempts += 1
        refused = await self._refused(request)
        if refused is not None:
            return refused
        if request.transport is None or request.transport.is_closing():
            return web.Response()
        response = web.WebSocketResponse(
            autoping=False, compress=False, timeout=1.0, max_msg_size=_LARGEST_MESSAGE
        )
        await response.prepare(request)
        base, _, form = request.path.removeprefix("/").rpartition("/")
        connection = Connection(
            response, request.transport, enveloped=form == "stream" and "/" not in base,
            routed=request.path.startswith("/market/"),
        )  # fmt: skip
        for name in _names_in(request):
            connection.subscriptions[name] = parse(name)
        self.hub.accepted += 1
        self.hub.connections.add(connection)
        sender = asyncio.ensure_future(connection.send_queued())
        try:
            await self._serve(connection)
        finally:
            sender.cancel()
            self.hub.remove(connection)
        return response

    async def _serve(self, connection: Connection) -> None:
        if len(connection.subscriptions) > _STREAM_LIMIT:
            await self._too_many_streams(connection, None)
            return
        async for message in connection.socket:
            if connection.too_fast():
                await connection.close(1008, "Too many requests")
                return
            if message.type is WSMsgType.PING:
                await connection.socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                going_on = await self._request(connection, message.data)
                if not going_on:
                    return

    async def _request(self, connection: Connection, text: str) -> bool:
        """Answers one request; False when it ended the connection."""
        try:
            request: Any = json.loads(text)
        except (ValueError, RecursionError):
            await _answer(connection, _error(3, "Invalid JSON: expected value at line 1 column 1"))
            return True
        given = request if isinstance(request, dict) else {}
        number, method, names = given.get("id"), given.get("method"), given.get("params", [])
        valid = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not valid or method not in ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"):
            text = f"Invalid request: unknown variant {method!r}"
            await _answer(connection, _error(2, text, number))
            return True
        if method == "LIST_SUBSCRIPTIONS":
            await _answer(connection, {"result": list(connection.subscriptions), "id": number})
            return True
        for name in names:
            if method == "SUBSCRIBE":
                connection.subscriptions[name] = parse(name)
            else:
                connection.subscriptions.pop(name, None)
        if len(connection.subscriptions) > _STREAM_LIMIT:
            await self._too_many_streams(connection, number)
            return False
        await _answer(connection, {"result": None, "id": number})
        return True

    async def _too_many_streams(self, connection: Connection, number: object) -> None:
        connection.subscriptions.clear()
        await _answer(connection, _error(4, "Too many subscriptions", number))
        await connection.close(1008, "Invalid request")

    async def _refused(self, request: web.Request) -> web.StreamResponse | None:
        while self.faults.on("handshake_hang"):
            if request.transport is None or request.transport.is_closing():
                break
            await asyncio.sleep(_LOOK_SECONDS)
        if self.faults.on("refuse"):
            return web.Response(status=503, text="Service Unavailable")
        given = cast("dict[str, Any] | None", self.faults.active.get("handshake_status"))
        if given is None:
            return None
        headers = {"Retry-After": str(given["retry_after"])} if "retry_after" in given else {}
        return web.Response(status=given["status"], headers=headers)


def _names_in(request: web.Request) -> list[str]:
    """The stream names of the address, in order."""
    text = request.match_info.get("names") or request.query.get("streams", "")
    return [name for name in text.split("/") if name]


def _error(code: int, text: str, number: object = None) -> dict[str, object]:
    error: dict[str, object] = {"error": {"code": code, "msg": text}}
    return error if number is None else error | {"id": number}


async def _answer(connection: Connection, answer: dict[str, object]) -> None:
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    try:
        await connection.socket.send_str(text)
    except (ConnectionError, RuntimeError):
        connection.transport.abort()
