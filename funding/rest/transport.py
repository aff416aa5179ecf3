"""One call, whole by its deadline; `notify.backend` takes its connections from here.

# Facts
- urllib3 retries three times and follows redirects unless told not to; it honours no proxy
  variables of the environment; its timeouts bound each wait, not the whole (runtime/deadline.py).
- Before a request it sees that a kept connection has ended, but a server may close it just then:
  the request ends with a reset, a broken pipe or no answer, and was not acted upon.
- It tries every address of a host's name for the whole timeout, and getaddrinfo has no timeout:
  a resolver that does not answer holds it for 10 s and more.
- The timeout of a socket bounds the whole of a TLS handshake.
- It logs a traceback when a header of the answer cannot be read. Hence ERROR here.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import urllib3

from funding import errors
from funding.runtime import forks
from funding.runtime.deadline import Deadline, Response
from funding.runtime.forks import ForkAware
from funding.settings.proxies import Proxy, proxy_for

MAX_BODY = 16 * 1024 * 1024
MOST_ATTEMPTS = 32
"""Concurrent connection attempts: a resolver that hangs holds a thread for each. A pool of 20
workers begins with 20, beside the senders."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_JSON: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json"})
_HEADERS = urllib3.make_headers(accept_encoding="gzip", user_agent="funding")
logging.getLogger("urllib3").setLevel(logging.ERROR)


class _Attempts(ForkAware):
    """Counts the attempts of this process: a forked one has none in the making."""

    def __init__(self) -> None:
        self.free = threading.BoundedSemaphore(MOST_ATTEMPTS)
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        self.free = threading.BoundedSemaphore(MOST_ATTEMPTS)


_attempts = _Attempts()


def connected(connect: Callable[[], socket.socket], seconds: float) -> socket.socket:
    """The socket that `connect` makes within `seconds`, with what is left of them as its timeout.

    One that comes later is closed. Raises what `connect` raises, TimeoutError, and OSError for too
    many attempts at once.
    """
    deadline = Deadline(seconds)
    free = _attempts.free
    if not free.acquire(blocking=False):
        raise OSError(f"{MOST_ATTEMPTS} connections are in the making already")
    making: Future[socket.socket] = Future()

    def make() -> None:
        try:
            made = connect()
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            if making.set_running_or_notify_cancel():
                making.set_exception(error)
        else:
            if making.set_running_or_notify_cancel():
                making.set_result(made)
            else:
                made.close()
        finally:
            free.release()

    threading.Thread(target=make, name="connect", daemon=True).start()
    try:
        made = making.result(seconds)
    except TimeoutError:
        if making.cancel():
            raise TimeoutError(f"not connected within {seconds:.2f} s") from None
        made = making.result()
    made.settimeout(deadline.left() or 0.001)
    return made


class _KeptConnectionEnded(ConnectionError):
    """The server has closed a connection that was kept open, and has not answered this request."""


class _Connection(urllib3.connection.HTTPConnection):
    response_class = Response
    _answers = 0

    def _new_conn(self) -> socket.socket:
        self._answers = 0
        seconds = float(self.timeout or 0.0)
        self._deadline = Deadline(seconds)
        try:
            return connected(super()._new_conn, seconds)
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(self, f"timed out: {error}") from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error

    def _tunnel(self) -> None:
        super()._tunnel()
        self.sock.settimeout(self._deadline.left() or 0.001)

    def request(self, *arguments: Any, **named: Any) -> None:
        with self._kept_open():
            super().request(*arguments, **named)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        with self._kept_open():
            response = super().getresponse()
        self._answers += 1
        return response

    @contextmanager
    def _kept_open(self) -> Iterator[None]:
        try:
            yield
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            if not self._answers:
                raise
            raise _KeptConnectionEnded(f"{type(error).__name__}: {error}") from error


class _SecureConnection(_Connection, urllib3.connection.HTTPSConnection):
    pass


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Connections(ForkAware):
    """Keeps connections open, to so many `hosts` and so many to `each`, for one thread; through the
    proxy that `settings.proxies` names. A connection is made, and an answer is whole, within the
    seconds of a request."""

    def __init__(self, hosts: int, each: int, headers: Mapping[str, str]) -> None:
        self._options: dict[str, Any] = {"num_pools": hosts, "maxsize": each, "retries": False}
        self._headers = headers
        self._managers: dict[Proxy | None, urllib3.PoolManager] = {}
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """The connections stay the parent's."""
        self._managers = {}

    def request(
        self,
        method: str,
        url: str,
        seconds: float,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes | None = None,
        asks_only: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """The head of the answer; raises `urllib3.exceptions.HTTPError`s. A GET, or a POST that
        `asks_only`, on a kept connection that the server has closed meanwhile is made again, once;
        nothing else."""
        deadline, manager = Deadline(seconds), self._manager(proxy_for(url))
        for may_retry in (asks_only or method == "GET", False):
            try:
                return manager.request(
                    method,
                    url,
                    fields=fields,
                    body=body,
                    headers={**self._headers, **headers},
                    timeout=urllib3.Timeout(total=deadline.left() or 0.001),
                    redirect=False,
                    preload_content=False,
                )
            except urllib3.exceptions.ProtocolError as error:
                if not (may_retry and isinstance(error.args[-1], _KeptConnectionEnded)):
                    raise
        raise AssertionError("the second attempt neither answers nor raises")

    def close(self) -> None:
        """Let go of the connections; the next request opens them again."""
        for manager in self._managers.values():
            manager.clear()

    def _manager(self, proxy: Proxy | None) -> urllib3.PoolManager:
        if proxy not in self._managers:
            self._managers[proxy] = self._made(proxy)
        return self._managers[proxy]

    def _made(self, proxy: Proxy | None) -> urllib3.PoolManager:
        made = urllib3.PoolManager(**self._options)
        if proxy is not None:
            user = ":".join(proxy.credentials) if proxy.credentials else None
            made = urllib3.ProxyManager(
                f"http://{proxy.netloc}",
                proxy_headers=urllib3.make_headers(proxy_basic_auth=user),
                **self._options,
            )
        made.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        return made


class Transport:
    """Calls over connections that are kept open; for one thread."""

    def __init__(self) -> None:
        self._connections = Connections(2, 4, _HEADERS)

    def call(
        self, url: str, parameters: Mapping[str, str], seconds: float, posted: bytes | None = None
    ) -> tuple[int, urllib3.HTTPHeaderDict, bytes]:
        """Status, headers and body, whole within `seconds`; `RestUnreachable` or `RestGarbled`.

        A GET, or where something is `posted` a POST of that JSON, which changes nothing there.
        """
        if seconds <= 0:
            raise errors.RestUnreachable("timed out before it was asked")
        try:
            if posted is None:
                response = self._connections.request("GET", url, seconds, fields=parameters)
            else:
                response = self._connections.request(
                    "POST", url, seconds, headers=_JSON, body=posted, asks_only=True
                )
            body = response.read(MAX_BODY + 1)
        except urllib3.exceptions.HTTPError as error:
            raise errors.RestUnreachable(f"{type(error).__name__}: {error}"[:200]) from error
        if len(body) > MAX_BODY:
            response.close()  # a connection with unread bytes cannot be used again
            raise errors.RestGarbled(f"a reply of more than {MAX_BODY} bytes")
        response.release_conn()
        return response.status, response.headers, body

    def close(self) -> None:
        """Let go of the connections; the next call opens them again."""
        self._connections.close()
