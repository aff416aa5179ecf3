"""Talking to backends: the second of the two importers of urllib3, for what is not the exchange.

# Facts
(urllib3 2.8)
- It logs the path of every request at DEBUG, and at WARNING with a traceback when a header of the
  answer cannot be read; Telegram's path has the token in it. Hence ERROR here.
- It follows redirects unless told not to, and would send the key along.
- Its errors may name the address. Hence their class alone goes into ours, without a cause.
- Its timeouts bound each wait, not the whole (see deadline.py).
"""

import logging
from collections.abc import Mapping
from typing import NamedTuple

import urllib3

from funding import errors
from funding.deadline import Response

MAX_BODY = 4 * 1024 * 1024

logging.getLogger("urllib3").setLevel(logging.ERROR)


class _PlainConnection(urllib3.connection.HTTPConnection):
    response_class = Response


class _SecureConnection(urllib3.connection.HTTPSConnection):
    response_class = Response


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Reply(NamedTuple):
    """What a backend answered; `retry_after` is in seconds, 0 when it did not say."""

    status: int
    retry_after: float
    body: bytes


class Backend:
    """HTTP calls to backends, each within `timeout` seconds. For one thread."""

    def __init__(self, timeout: float = 5.0) -> None:
        self._timeout = timeout
        headers = urllib3.make_headers(user_agent="funding")
        self._pool = urllib3.PoolManager(num_pools=3, maxsize=1, retries=False, headers=headers)
        self._pool.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def post(self, address: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """POST a JSON `body`; whatever the status is. Raises `PostError` without an answer."""
        return self._call("POST", address, {"Content-Type": "application/json", **headers}, body)

    def get(self, address: str, headers: Mapping[str, str]) -> Reply:
        """GET; whatever the status is. Raises `PostError` without an answer."""
        return self._call("GET", address, dict(headers), None)

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()

    def _call(
        self, method: str, address: str, headers: dict[str, str], body: bytes | None
    ) -> Reply:
        try:
            response = self._pool.request(
                method,
                address,
                body=body,
                headers={**self._pool.headers, **headers},
                timeout=urllib3.Timeout(total=self._timeout),
                redirect=False,
                preload_content=False,
            )
            data = response.read(MAX_BODY + 1)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise errors.PostError(type(error).__name__) from None
        if len(data) > MAX_BODY:
            response.close()
            raise errors.PostError("a reply that is too long")
        response.release_conn()
        told = response.headers.get("Retry-After", "")
        wait = float(told[:6]) if told.isascii() and told.isdigit() else 0.0
        return Reply(response.status, wait, data)
