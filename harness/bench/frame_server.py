"""A WebSocket server for one client at a time that knows when each frame left.

The stand-in exchange builds its frames while it sends; where a time is measured from the sending,
or a rate is to be exceeded, ready frames come from here instead.
"""

import base64
import hashlib
import socket
import struct
from dataclasses import dataclass

from harness import processes

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT = 0x81


@dataclass
class Client:
    """One client that has shaken hands."""

    connection: socket.socket

    def send(self, payload: bytes) -> None:
        """One text message; blocks while the client does not read."""
        size = len(payload)
        head = struct.pack("!BBH", _TEXT, 126, size) if size < 65_536 else b""
        self.connection.sendall((head or struct.pack("!BBQ", _TEXT, 127, size)) + payload)

    def close(self) -> None:
        """End the connection without a close frame."""
        self.connection.close()


def listening() -> socket.socket:
    """A free loopback port, whose `accept` waits for some seconds."""
    server = processes.listening(8)
    server.settimeout(20)
    return server


def accept(server: socket.socket) -> Client:
    """The next client, after its handshake."""
    connection, _ = server.accept()
    connection.settimeout(20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while b"\r\n\r\n" not in request:
        part = connection.recv(4096)
        if not part:
            raise ConnectionError("the client left during its handshake")
        request += part
    lines = request.lower().split(b"\r\n")
    place = next(n for n, line in enumerate(lines) if line.startswith(b"sec-websocket-key:"))
    key = request.split(b"\r\n")[place].partition(b":")[2].strip()
    answer = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 (RFC 6455, 4.2.2)
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + answer + b"\r\n\r\n"
    )
    return Client(connection)
