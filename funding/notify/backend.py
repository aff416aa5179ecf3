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
from typing import NamedTuple, Protocol

import urllib3

from funding import errors
from funding.rest.transport import Connections
from funding.runtime import backoff

MAX_BODY = 4 * 1024 * 1024
_LEAVE_ALONE = (429, 418)

logging.getLogger("urllib3").setLevel(logging.ERROR)


class Reply(NamedTuple):
    """What a backend answered; `retry_after` is in seconds, 0 without one."""

    status: int
    retry_after: float
    body: bytes


class Waits(Protocol):
    """What hosts have asked for, of whichever process: see `store.stated_waits`."""

    def left(self, url: str) -> float: ...
    def record(self, url: str, seconds: float, reason: str) -> None: ...


class BackendClient:
    """HTTP calls to backends, each within `timeout` seconds. For one thread.

    A host that has asked to be left alone is not asked until then: the reply is 429 at once.
    """

    def __init__(self, timeout: float = 5.0, *, waits: Waits) -> None:
        self.timeout = timeout
        self._waits = waits
        self._connections = Connections(3, 1, urllib3.make_headers(user_agent="funding"))

    def post(self, address: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """POST a JSON `body`; the reply has any status, and its body where that is whole. Raises
        `PostError` where there is no status."""
        named = {"Content-Type": "application/json", **headers}
        return self._ask("POST", address, named, body)

    def get(self, address: str, headers: Mapping[str, str]) -> Reply:
        """GET; the reply has any status. Raises `PostError` where it is not whole."""
        return self._ask("GET", address, headers, None)

    def close(self) -> None:
        """Let go of the connections."""
        self._connections.close()

    def _ask(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        left = self._waits.left(address)
        if left:
            return Reply(429, left, b"")
        response = self._request(method, address, headers, body)
        said = b""
        # The status of a post counts: its answer is read for the wait in it, and to keep the
        # connection.
        with suppress(*((errors.PostError,) if method == "POST" else ())):
            said = _read_body(response)
        status, header = response.status, response.headers.get("Retry-After", "")
        wait = backoff.stated_wait(header, said, time.time())
        if status in _LEAVE_ALONE or status >= 500:
            self._waits.record(address, wait, f"status {status}")
        return Reply(status, wait, said)

    def _request(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._connections.request(
                method, address, self.timeout, headers=headers, body=body
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
