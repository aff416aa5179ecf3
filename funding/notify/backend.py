"""Talking to backends: the second of the two importers of urllib3, for what is not the exchange.

# Facts
(urllib3 2.8)
- It logs the path of every request at DEBUG, and at WARNING with a traceback when a header of the
  answer cannot be read; Telegram's path has the token in it. Hence ERROR here.
- It follows redirects unless told not to, and would send the key along.
- Its errors may name the address. Hence their class alone goes into ours, without a cause.
- It counts the time of a connection only when that is made: after a resolver or a first address
  that was slow, it would send the request and not wait for the answer (see rest/transport.py).
"""

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import urllib3

from funding import errors
from funding.rest.transport import manager
from funding.runtime import backoff

MAX_BODY = 4 * 1024 * 1024

logging.getLogger("urllib3").setLevel(logging.ERROR)


class Reply(NamedTuple):
    """What a backend answered; `retry_after` is in seconds, 0 when it did not say."""

    status: int
    retry_after: float
    body: bytes


class BackendClient:
    """HTTP calls to backends, each within `timeout` seconds. For one thread."""

    def __init__(self, timeout: float = 5.0) -> None:
        self._timeout = timeout
        self._pool = manager(3, 1, urllib3.make_headers(user_agent="funding"))

    def post(self, address: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """POST a JSON `body`; whatever the status is, with nothing of what else it answers.
        Raises `PostError` without a status."""
        named = {"Content-Type": "application/json", **headers}
        response = self._ask("POST", address, named, body)
        with suppress(errors.PostError):  # read for the sake of the connection: the status counts
            _whole(response)
        return Reply(response.status, _retry_after(response), b"")

    def get(self, address: str, headers: Mapping[str, str]) -> Reply:
        """GET; whatever the status is. Raises `PostError` without a whole answer."""
        response = self._ask("GET", address, headers, None)
        return Reply(response.status, _retry_after(response), _whole(response))

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()

    def _ask(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                method,
                address,
                body=body,
                headers={**self._pool.headers, **headers},
                timeout=urllib3.Timeout(total=self._timeout),
                redirect=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise errors.PostError(type(error).__name__) from None


def _whole(response: urllib3.BaseHTTPResponse) -> bytes:
    try:
        data = response.read(MAX_BODY + 1)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        response.close()
        raise errors.PostError(type(error).__name__) from None
    if len(data) > MAX_BODY:
        response.close()
        raise errors.PostError("a reply that is too long")
    response.release_conn()
    return data


def _retry_after(response: urllib3.BaseHTTPResponse) -> float:
    return backoff.retry_after(response.headers.get("Retry-After", ""), time.time())
