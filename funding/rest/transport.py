"""One GET, whole by its deadline; `notify.backend` takes its connections from here.

# Facts
- urllib3 retries three times and follows redirects unless told not to; it honours no proxy
  variables of the environment; its timeouts bound each wait, not the whole (runtime/deadline.py).
- It tries every address of a host's name for the whole timeout, and getaddrinfo has no timeout:
  a resolver that does not answer holds it for 10 s and more.
- The timeout of a socket bounds the whole of a TLS handshake.
- It logs a traceback when a header of the answer cannot be read. Hence ERROR here.
"""

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future

import urllib3

from funding import errors
from funding.runtime import forks
from funding.runtime.deadline import Deadline, Response
from funding.runtime.forks import ForkAware

MAX_BODY = 16 * 1024 * 1024
MOST_ATTEMPTS = 32
"""Concurrent connection attempts: a resolver that hangs holds a thread for each. A pool of 20
workers begins with 20, beside the senders."""

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


class _PlainConnection(urllib3.connection.HTTPConnection):
    response_class = Response

    def _new_conn(self) -> socket.socket:
        return _punctual(self, super()._new_conn)


class _SecureConnection(urllib3.connection.HTTPSConnection):
    response_class = Response

    def _new_conn(self) -> socket.socket:
        return _punctual(self, super()._new_conn)


def _punctual(
    connection: urllib3.connection.HTTPConnection, connect: Callable[[], socket.socket]
) -> socket.socket:
    try:
        return connected(connect, float(connection.timeout or 0.0))
    except TimeoutError as error:
        raise urllib3.exceptions.ConnectTimeoutError(connection, f"timed out: {error}") from error
    except OSError as error:
        raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def manager(hosts: int, each: int, headers: Mapping[str, str]) -> urllib3.PoolManager:
    """Keeps connections open, to so many `hosts` and so many to `each`. A connection is made, and
    an answer is whole, within the timeout of a call; nothing is retried."""
    made = urllib3.PoolManager(num_pools=hosts, maxsize=each, retries=False, headers=headers)
    made.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return made


class Transport(ForkAware):
    """GET calls over connections that are kept open; for one thread."""

    def __init__(self) -> None:
        self._pool = manager(2, 4, _HEADERS)
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """The connections stay the parent's."""
        self._pool = manager(2, 4, _HEADERS)

    def get(
        self, url: str, parameters: dict[str, str], seconds: float
    ) -> tuple[int, urllib3.HTTPHeaderDict, bytes]:
        """Status, headers and body, whole within `seconds`; `RestUnreachable` or `RestGarbled`."""
        if seconds <= 0:
            raise errors.RestUnreachable("timed out before it was asked")
        try:
            response = self._pool.request(
                "GET",
                url,
                fields=parameters,
                timeout=urllib3.Timeout(total=seconds),
                redirect=False,
                preload_content=False,
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
        self._pool.clear()
