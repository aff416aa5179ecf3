"""One WebSocket connection: the only importer of websocket (websocket-client).

# Facts
(websocket-client 1.9.2, each seen happening)
- There is no limit on a message's size; `_recv(n)` sees every byte, so a subclass can count.
- `recv_data()` answers pings itself, and raises WebSocketTimeoutException after the timeout,
  between frames or within one; nothing read so far is lost.
- The pure-Python UTF-8 check takes 3.6 s for 30 MB: the decoder checks instead.
- Redirects are followed three times unless `redirect_limit=0`.
- Unless it is told of a proxy it reads the environment, and honours `http_proxy` even for
  127.0.0.1. `http_no_proxy` counts only beside a proxy, so there is always one.
"""

import contextlib
import socket
import ssl
import time

import websocket

from funding.errors import ConnectFailed, ConnectionLost
from funding.ingest.connection_events import EndingKind
from funding.runtime.backoff import stated_wait
from funding.settings.proxies import proxy_for

MAX_MESSAGE = 8 * 1024 * 1024
_CONTROL_HEADER = 2  # a server's control frame has no mask and at most 125 bytes (RFC 6455, 5.5)
_RECEIVE_SECONDS = 1.0  # how long `receive` waits at most; two frames come in that time


class _TooLargeError(Exception):
    pass


class _Capped(websocket.WebSocket):
    """Counts the bytes since the last whole message."""

    received = 0

    def _recv(self, bufsize: int) -> bytes:
        data: bytes = super()._recv(bufsize)  # type: ignore[no-untyped-call]
        self.received += len(data)
        if self.received > MAX_MESSAGE:
            raise _TooLargeError
        return data


class WebSocket:
    """One WebSocket connection to `url`: `open` once, `receive` until it raises, `close`.

    For one thread, except `abort`, which another may call to end whatever blocks.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._socket: _Capped | None = None

    def open(self) -> None:
        """Connect and shake hands; raises `ConnectFailed`. Each step may take `timeout` s."""
        # The steps of `create_connection`, with the object in hand before the first byte.
        connection = self._socket = _Capped(skip_utf8_validation=True)
        connection.settimeout(self._timeout)
        try:
            connection.connect(  # type: ignore[no-untyped-call]
                self._url, redirect_limit=0, **_proxy_options(self._url)
            )
        except websocket.WebSocketBadStatusException as error:
            self.abort()
            raise _refusal(error) from error
        except (websocket.WebSocketException, OSError, ValueError) as error:
            self.abort()
            kind, detail = _failure(error)
            raise ConnectFailed(kind, detail) from error
        connection.settimeout(_RECEIVE_SECONDS)

    def send(self, message: bytes) -> None:
        """Send one text message. Raises `ConnectionLost` when the connection is over."""
        connection = self._socket
        assert connection is not None
        try:
            connection.send(message)
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise ConnectionLost(EndingKind.LOST, _one_line(error)) from error

    def receive(self, seconds: float = _RECEIVE_SECONDS) -> bytes | None:
        """The next whole message, or None after `seconds` without one.

        Raises `ConnectionLost` when the connection is over.
        """
        connection = self._socket
        assert connection is not None
        if connection.gettimeout() != seconds:
            connection.settimeout(seconds)
        try:
            opcode, data = connection.recv_data(control_frame=True)
        except websocket.WebSocketTimeoutException:
            return None
        except _TooLargeError:
            detail = f"a message of more than {MAX_MESSAGE} bytes"
            raise ConnectionLost(EndingKind.OVERSIZE, detail) from None
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise ConnectionLost(EndingKind.LOST, _one_line(error)) from error
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise ConnectionLost(EndingKind.CLOSED, _close_reason(data))
        if opcode in (websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG):
            connection.received -= _CONTROL_HEADER + len(data)
            return None
        connection.received = 0
        return bytes(data)

    def unfinished(self) -> int:
        """Bytes of the message that has not come whole yet; from any thread."""
        connection = self._socket
        return connection.received if connection is not None else 0

    def close(self) -> None:
        """Send a close frame without waiting for an answer, and close the socket."""
        connection = self._socket
        if connection is not None:
            with contextlib.suppress(websocket.WebSocketException, OSError, ValueError):
                connection.send_close()
            connection.shutdown()  # type: ignore[no-untyped-call]

    def abort(self) -> None:
        """End whatever blocks on this connection, from any thread."""
        connection = self._socket.sock if self._socket is not None else None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _proxy_options(url: str) -> dict[str, object]:
    proxy = proxy_for(url)
    if proxy is None:
        return {"http_proxy_host": "-", "http_proxy_port": 1, "http_no_proxy": ["*"]}
    return {
        "http_proxy_host": proxy.host,
        "http_proxy_port": proxy.port,
        "http_proxy_auth": proxy.credentials,
        "http_no_proxy": ["-"],  # no host: with an empty list it would read the environment
    }


def _failure(error: BaseException) -> tuple[EndingKind, str]:
    """The kind of ending for an error while connecting, and its words."""
    text = _one_line(error)
    if isinstance(error, websocket.WebSocketAddressException | socket.gaierror):
        return EndingKind.DNS, text
    if isinstance(error, ssl.SSLError):
        return EndingKind.TLS, text
    if isinstance(error, websocket.WebSocketTimeoutException | TimeoutError):
        return EndingKind.TIMEOUT, text
    if isinstance(error, ConnectionRefusedError):
        return EndingKind.REFUSED, text
    if isinstance(error, websocket.WebSocketException | ConnectionError):
        return EndingKind.HANDSHAKE, text
    return EndingKind.UNREACHABLE, text


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _refusal(error: websocket.WebSocketBadStatusException) -> ConnectFailed:
    status = error.status_code
    header = str((error.resp_headers or {}).get("retry-after", ""))
    wait = stated_wait(header, error.resp_body or b"", time.time())
    detail = f"status {status}" + (f", asks for a pause of {wait:.0f} s" if wait else "")
    if status in (429, 418):
        return ConnectFailed(EndingKind.RATE_LIMITED, detail, wait)
    if status in (403, 451):
        return ConnectFailed(EndingKind.RESTRICTED, detail, wait)
    return ConnectFailed(EndingKind.HANDSHAKE, detail, wait)


def _close_reason(data: bytes) -> str:
    if len(data) < 2:
        return "closed without a code"
    code = int.from_bytes(data[:2], "big")
    reason = data[2:].decode("utf-8", "replace")
    return f"closed with code {code}" + (f": {reason}" if reason else "")
