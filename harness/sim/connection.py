"""One client's WebSocket: a bounded queue of messages to it, and the ways it can end or go deaf.

# Facts

- SO_LINGER with time 0 makes close() send RST (socket(7)).
- A paused transport is not read at all: neither pings nor close frames are answered (asyncio).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque

from aiohttp import WSMsgType, web

from harness.sim.subscription import Subscription

_QUEUE_MESSAGES = 64
_LARGE_BYTES = 1024 * 1024
_CLOSE_SECONDS = 2.0
_RATE_LIMIT, _RATE_SECONDS = 10, 1.0


class Connection:
    """A served handshake. `enveloped`: payloads come as {"stream","data"}; `routed`: it is on
    /market, and so gets data at all."""

    def __init__(
        self, socket_: web.WebSocketResponse, transport: asyncio.Transport, *,
        enveloped: bool, routed: bool, queue_messages: int = _QUEUE_MESSAGES,
    ) -> None:  # fmt: skip
        self.socket, self.transport = socket_, transport
        self.enveloped, self.routed = enveloped, routed
        self.subscriptions: dict[str, Subscription | None] = {}
        # Monotonic seconds; `unheard_since` is the first ping that nothing has answered yet.
        self.opened_at = self.heard_at = self.pinged_at = time.monotonic()
        self.unheard_since = 0.0
        self.silenced = self.half_open = self.ending = False
        self.sent = self.skipped = 0
        self._large_waits = False
        self._queue: asyncio.Queue[tuple[bytes, WSMsgType]] = asyncio.Queue(queue_messages)
        self._arrivals: deque[float] = deque(maxlen=_RATE_LIMIT + 1)

    @property
    def empty(self) -> bool:
        """Whether all that was offered has left."""
        return self._queue.empty()

    def has_room(self, payload: bytes) -> bool:
        """Whether this message would be queued now."""
        large = len(payload) > _LARGE_BYTES
        return not (self._queue.full() or (large and self._large_waits))

    def offer(self, payload: bytes, opcode: WSMsgType = WSMsgType.TEXT) -> None:
        """Queues a message; a client that does not keep up misses it."""
        if not self.has_room(payload):
            self.skipped += 1
            return
        self._large_waits = self._large_waits or len(payload) > _LARGE_BYTES
        self._queue.put_nowait((payload, opcode))

    async def send_queued(self) -> None:
        """Sends what is queued, until cancelled or the client is gone."""
        while True:
            payload, opcode = await self._queue.get()
            if self.half_open:
                continue
            try:
                await self.socket.send_frame(payload, opcode)
            except (ConnectionError, RuntimeError):
                return
            self.sent += opcode is not WSMsgType.PING
            if len(payload) > _LARGE_BYTES:
                self._large_waits = False

    def too_fast(self) -> bool:
        """Notes a message from the client; whether it is one of more than 10 in a second."""
        self.heard_at = time.monotonic()
        self._arrivals.append(self.heard_at)
        full = len(self._arrivals) == self._arrivals.maxlen
        return full and self.heard_at - self._arrivals[0] < _RATE_SECONDS

    async def close(self, code: int, reason: str = "") -> None:
        """Closes with this code; 1006 without a close frame, which no frame may carry."""
        self.ending = True
        if code == 1006 or self.half_open:
            self.transport.abort()
            return
        try:
            closing = self.socket.close(code=code, message=reason.encode())
            await asyncio.wait_for(closing, _CLOSE_SECONDS)
        except (ConnectionError, RuntimeError, TimeoutError):
            self.transport.abort()

    def reset(self) -> None:
        """Ends it with RST."""
        self.ending = True
        raw = self.transport.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def go_half_open(self) -> None:
        """From now on nothing is read, answered or sent, while TCP stays."""
        self.half_open = True
        self.transport.pause_reading()
