"""One client's connections to the API: requests one after the other, and the outcome of each."""

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 30.0
OK, UNCHANGED, NOT_FOUND = "200", "304", "404"


@dataclass(frozen=True, slots=True)
class Reply:
    """`outcome` is a status, with the words of an error; or refused, lost or late. `began` and
    `ended` are monotonic seconds, `asked_at` and `received_at` the same as Unix seconds."""

    outcome: str
    body: Any
    tag: str
    began: float
    ended: float
    asked_at: float
    received_at: float


class ApiConnection:
    """Connections to 127.0.0.1:`port`, each kept alive or not. For one thread."""

    def __init__(self, port: int, *, keep_alive: bool) -> None:
        self._port, self._keep_alive = port, keep_alive
        self._connection: http.client.HTTPConnection | None = None

    def get(self, target: str, tag: str = "") -> Reply:
        """One request."""
        began, asked_at = time.monotonic(), time.time()
        outcome, body, new_tag = "", None, ""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(
                    "127.0.0.1", self._port, timeout=TIMEOUT_SECONDS
                )
            headers = {"If-None-Match": tag} if tag else {}
            self._connection.request("GET", target, headers=headers)
            answer = self._connection.getresponse()
            outcome, new_tag = str(answer.status), answer.headers.get("ETag", "")
            data = answer.read()
            body = json.loads(data) if data else None
        except ConnectionRefusedError:
            outcome = "refused"
        except TimeoutError:
            outcome = "late"
        except (OSError, http.client.HTTPException):
            outcome = "lost"
        except ValueError:
            outcome += " no JSON"
        if isinstance(body, dict) and "error" in body:
            outcome += f" {body['error']}"
        if not self._keep_alive or not outcome.startswith((OK, UNCHANGED)):
            self.close()
        return Reply(outcome, body, new_tag, began, time.monotonic(), asked_at, time.time())

    def close(self) -> None:
        """The next request makes a connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
