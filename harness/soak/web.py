"""One client's way to the API: requests one after the other, kept alive or not, and what became of
each."""

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 30.0
OK, UNCHANGED, NOT_FOUND = "200", "304", "404"


@dataclass(frozen=True, slots=True)
class Got:
    """`outcome` is a status with, of an error, its words; or refused, lost or late. `began` and
    `ended` are monotonic seconds, `asked_at` and `had_at` the same as Unix seconds."""

    outcome: str
    body: Any
    tag: str
    began: float
    ended: float
    asked_at: float
    had_at: float


class Way:
    """Connections to 127.0.0.1:`port`. For one thread."""

    def __init__(self, port: int, *, keep: bool) -> None:
        self._port, self._keep = port, keep
        self._connection: http.client.HTTPConnection | None = None

    def get(self, target: str, tag: str = "") -> Got:
        """One request."""
        began, asked_at = time.monotonic(), time.time()
        found, body, told = "", None, ""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(
                    "127.0.0.1", self._port, timeout=TIMEOUT_SECONDS
                )
            headers = {"If-None-Match": tag} if tag else {}
            self._connection.request("GET", target, headers=headers)
            reply = self._connection.getresponse()
            found, told, data = str(reply.status), reply.headers.get("ETag", ""), reply.read()
            body = json.loads(data) if data else None
        except ConnectionRefusedError:
            found = "refused"
        except TimeoutError:
            found = "late"
        except (OSError, http.client.HTTPException):
            found = "lost"
        except ValueError:
            found += " no JSON"
        if isinstance(body, dict) and "error" in body:
            found += f" {body['error']}"
        if not self._keep or not found.startswith((OK, UNCHANGED)):
            self.close()
        return Got(found, body, told, began, time.monotonic(), asked_at, time.time())

    def close(self) -> None:
        """The next request makes a connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
