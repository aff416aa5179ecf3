"""HTTP calls to backends. The second importer of urllib3, beside the one for the exchange.

# Facts
(urllib3 2.8)
- It logs the path of every request at DEBUG, and at WARNING with a traceback when a header of the
  answer cannot be read; Telegram's path has the token in it. Therefore its level is ERROR here.
- It follows redirects by default, and would send the key along.
- Its errors may name the address. Therefore ours have only their class, without a cause.
- It counts the time of a connection only when that is made: after a slow resolver or first address
  it would send the request and not wait for the answer (see rest/transport.py).
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
    """What a backend answered; `retry_after` is in seconds, 0 without one."""

    status: int
    retry_after: float
    body: bytes


class BackendClient:
    """HTTP calls to backends, each within `timeout` seconds. For one thread."""

    def __init__(self, timeout: float = 5.0) -> None:
        self.timeout = timeout
        self._pool = manager(3, 1, urllib3.make_headers(user_agent="funding"))

    def post(self, address: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """POST a JSON `body`; the reply has any status, and no body. Raises `PostError` where there
        is no status."""
        response = self._request(
            "POST", address, {"Content-Type": "application/json", **headers}, body
        )
        with suppress(errors.PostError):  # read only to keep the connection: the status counts
            _read_body(response)
        return Reply(response.status, _retry_after(response), b"")

    def get(self, address: str, headers: Mapping[str, str]) -> Reply:
        """GET; the reply has any status. Raises `PostError` where it is not whole."""
        response = self._request("GET", address, headers, None)
        return Reply(response.status, _retry_after(response), _read_body(response))

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()

    def _request(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                method,
                address,
                body=body,
                headers={**self._pool.headers, **headers},
                timeout=urllib3.Timeout(total=self.timeout),
                redirect=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise errors.PostError(type(error).__name__) from None


def _read_body(response: urllib3.BaseHTTPResponse) -> bytes:
    try:
        data = response.read(MAX_BODY + 1)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        response.close()
        raise errors.PostError(type(error).__name__) from None
    if len(data) > MAX_BODY:
        response.close()
        raise errors.PostError("the reply is too long")
    response.release_conn()
    return data


def _retry_after(response: urllib3.BaseHTTPResponse) -> float:
    return backoff.retry_after(response.headers.get("Retry-After", ""), time.time())
