"""A WebSocket server that sends the bytes a test chooses, and a scripted connection without one."""

import base64
import contextlib
import hashlib
import os
import queue
import socket
import ssl
import struct
import threading
from collections.abc import Callable

from funding.errors import ConnectionLost
from harness.processes import WAIT_SECONDS

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0) -> bytes:
    """The bytes of one unmasked frame (RFC 6455, 5.2), as servers send them."""
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65_536:
        return head + struct.pack("!BH", 126, len(payload)) + payload
    return head + struct.pack("!BQ", 127, len(payload)) + payload


def upgrade(request: bytes) -> bytes:
    """The answer that makes a WebSocket of the connection that sent `request`."""
    lines = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
    digest = hashlib.sha1(lines[b"Sec-WebSocket-Key"] + _GUID, usedforsecurity=False).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


def status(line: str, *headers: str) -> Callable[[bytes], bytes]:
    """An answer that is not an upgrade, with an empty body."""
    head = "\r\n".join((f"HTTP/1.1 {line}", *headers, "Content-Length: 0", "", ""))
    return lambda _request: head.encode()


def silence(_request: bytes) -> bytes:
    """No answer at all."""
    return b""


class Peer:
    """One client, seen from the exchange."""

    def __init__(self, connection: socket.socket, request: bytes) -> None:
        self.request = request
        self._connection = connection
        self._pouring: list[threading.Thread] = []

    def send(self, *frames: bytes) -> None:
        """Send bytes that fit the socket's buffer."""
        self._connection.sendall(b"".join(frames))

    def pour(self, data: bytes, size: int = 65_536) -> None:
        """Send bytes of any number in a thread of its own, `size` at a time."""

        def work() -> None:
            with contextlib.suppress(OSError):
                for start in range(0, len(data), size):
                    self._connection.sendall(data[start : start + size])

        thread = threading.Thread(target=work, daemon=True)
        self._pouring.append(thread)
        thread.start()

    def read(self) -> tuple[int, bytes]:
        """The next frame of the client, which must be masked, as (opcode, payload)."""
        head = self._exactly(2)
        assert head[1] & 0x80, "a client's frame without a mask"
        length = head[1] & 0x7F
        if length == 126:
            length = int.from_bytes(self._exactly(2), "big")
        mask = self._exactly(4)
        return head[0] & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(self._exactly(length)))

    def at_end(self) -> bool:
        """Whether the client has ended the connection; waits for its next byte or its end."""
        return self._connection.recv(1) == b""

    def reset(self) -> None:
        """End the connection by RST."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def close(self) -> None:
        """End the connection without a close frame."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
        for thread in self._pouring:
            thread.join(WAIT_SECONDS)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._connection.recv(size - len(data))
            assert part, "the client ended the connection"
            data += part
        return data


class FakeExchange:
    """Listens on a loopback port while its `with` block runs; `answer` replies to each request.

    Without `reads_request` the answer goes out as soon as a client connects.
    """

    def __init__(
        self,
        answer: Callable[[bytes], bytes] = upgrade,
        *,
        tls: ssl.SSLContext | None = None,
        reads_request: bool = True,
    ) -> None:
        self._answer = answer
        self._tls = tls
        self._reads_request = reads_request
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._arrived: queue.Queue[Peer] = queue.Queue()
        self._all: list[Peer] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0

    def __enter__(self) -> "FakeExchange":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(WAIT_SECONDS)
        self._listener.close()
        for peer in self._all:
            peer.close()

    @property
    def url(self) -> str:
        """Where a client finds it."""
        scheme = "ws" if self._tls is None and self._reads_request else "wss"
        return f"{scheme}://127.0.0.1:{self.port}/market/stream"

    def peer(self) -> Peer:
        """The next client that was answered."""
        return self._arrived.get(timeout=WAIT_SECONDS)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(WAIT_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._greet(connection)
            except OSError:  # a client that did not wait, and of whom nobody asks
                connection.close()

    def _greet(self, connection: socket.socket) -> None:
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        request = b""
        while self._reads_request and b"\r\n\r\n" not in request:
            part = connection.recv(4096)
            if not part:
                raise ConnectionAbortedError
            request += part
        answer = self._answer(request)
        peer = Peer(connection, request)
        self._all.append(peer)
        with contextlib.suppress(OSError):  # a client that dislikes the answer may be gone already
            if answer:
                connection.sendall(answer)
            if answer and b" 101 " not in answer[:20]:
                connection.shutdown(socket.SHUT_WR)
        self._arrived.put(peer)


class ScriptedConnection:
    """In place of `websocket.WebSocket`: `receive` returns what a test says, or raises it."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self._refusal = refusal
        self._steps: queue.Queue[bytes | BaseException | None] = queue.Queue()
        self._said = 0
        self._asked = 0
        self._asks = threading.Condition()
        self.opening = threading.Event()
        self.may_open = threading.Event()
        self.may_open.set()
        self.closed = threading.Event()
        self.aborted = threading.Event()
        self.unfinished_bytes = 0

    def open(self) -> None:
        self.opening.set()
        assert self.may_open.wait(WAIT_SECONDS)
        if self._refusal is not None:
            raise self._refusal

    def receive(self) -> bytes | None:
        with self._asks:
            self._asked += 1
            self._asks.notify_all()
        step = self._steps.get(timeout=WAIT_SECONDS)
        if isinstance(step, BaseException):
            raise step
        return step

    def close(self) -> None:
        self.closed.set()

    def unfinished(self) -> int:
        return self.unfinished_bytes

    def abort(self) -> None:
        self.aborted.set()
        self._steps.put(ConnectionLost("lost", "aborted"))

    def say(self, *steps: bytes | BaseException | None) -> None:
        """Have `receive` return these, one a call, or raise those that are errors."""
        for step in steps:
            self._said += 1
            self._steps.put(step)

    def wait_until_taken(self) -> None:
        """Until all that was said has been received and handled, and more is asked for."""
        with self._asks:
            taken = self._asks.wait_for(lambda: self._asked > self._said, WAIT_SECONDS)
        assert taken, "what was said was not received"


def unsigned_certificate(folder: str | os.PathLike[str]) -> ssl.SSLContext:
    """A server's TLS side whose certificate is self-signed."""
    path = os.path.join(folder, "certificate.pem")
    with open(path, "w", encoding="ascii") as file:
        file.write(_SELF_SIGNED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


# For 127.0.0.1, until 2126. The key protects nothing.
_SELF_SIGNED = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPCBgXaGExkaQjnh+
7kwYYBISiHayHAOwGcFQTiiF8BChRANCAASs+YK+wA0pjNODzOLEw7TmLNY5jhaO
8CDFNZz0Z6RF/7Ysv3WE1A6QuCYmGXcPvJCO7q/76dcMDP1mhxscb6zw
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgIUaVlxQZfFg930OrVrkLuLchDxCQcwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMDIzNDEzOFoYDzIxMjYxMDI3
MjM0MTM4WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASs+YK+wA0pjNODzOLEw7TmLNY5jhaO8CDFNZz0Z6RF/7Ysv3WE1A6Q
uCYmGXcPvJCO7q/76dcMDP1mhxscb6zwo2QwYjAdBgNVHQ4EFgQUV5kw6AVZXdas
V7bRylniFZZVLE0wHwYDVR0jBBgwFoAUV5kw6AVZXdasV7bRylniFZZVLE0wDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0cAMEQC
IH1RXNt5YPq79m6Kl5kOIkWw4XrDiUZN/lALHAqCd2nYAiAHCT8ENLgegncpQEWH
eFLKmEkqDvszlLz1OqOi3IT4UA==
-----END CERTIFICATE-----
"""
