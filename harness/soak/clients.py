"""The clients: threads that ask for everything the API has, all the while."""

import random
import threading
import traceback
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.soak.answer_checks import AnswerChecker
from harness.soak.api_connection import OK, ApiConnection
from harness.soak.oracle import Oracle

_BATCH = 100
UNKNOWN_SYMBOL = "NOSUCHUSDT"


class Client(threading.Thread):
    """Calls `request` every `pause` seconds or so, until stopped. `failure` is our own mistake."""

    def __init__(
        self, name: str, request: Callable[[], None], checker: AnswerChecker, pause: float
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.checker = checker
        self.failure = ""
        self._request, self._pause = request, pause
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.wait(self._pause):
            try:
                self._request()
            except Exception:  # noqa: BLE001 (an answer of no known form; the soak goes on)
                self.failure = traceback.format_exc()
                self.checker.blame(self.failure.strip().splitlines()[-1])


class Requests:
    """The requests of each kind of client, and the check of each answer."""

    def __init__(
        self, checker: AnswerChecker, connection: ApiConnection, chance: random.Random
    ) -> None:
        self._checker, self._connection, self._chance = checker, connection, chance
        self._symbols = checker.oracle.symbols
        self._tag, self._rows = "", list[Mapping[str, Any]]()

    def one(self) -> None:
        """A symbol; sometimes in lower case, sometimes one that does not exist."""
        symbol = self._chance.choice(self._symbols)
        draw = self._chance.random()
        if draw < 0.02:
            reply = self._connection.get(f"/funding/{UNKNOWN_SYMBOL}")
            self._checker.unknown(UNKNOWN_SYMBOL, reply)
            return
        asked = symbol.lower() if draw < 0.1 and symbol.isascii() else symbol
        self._checker.one(symbol, self._connection.get(f"/funding/{urllib.parse.quote(asked)}"))

    def batch(self) -> None:
        """A hundred symbols."""
        asked = self._chance.sample(self._symbols, min(_BATCH, len(self._symbols)))
        query = urllib.parse.quote(",".join(asked))
        self._checker.batch(asked, self._connection.get(f"/funding/batch?symbols={query}"))

    def all(self) -> None:
        """One symbol, then all with the last ETag: a 304 must not hide what the first showed."""
        self.one()
        reply = self._connection.get("/funding", self._tag)
        if reply.outcome == OK:
            self._tag, self._rows = reply.tag, reply.body["data"]
        self._checker.all(self._rows, reply)

    def health(self) -> None:
        """The verdict."""
        self._checker.health(self._connection.get("/funding/health"))


_KINDS: Sequence[tuple[str, bool, float]] = (
    ("one", True, 0.02),
    ("one", False, 0.05),
    ("batch", True, 0.2),
    ("all", True, 0.4),
    ("health", False, 0.25),
)
"""What it asks, whether its connection is kept alive, and its pause in seconds."""


def clients(port: int, oracle: Oracle, stale_after: float, seed: int) -> list[Client]:
    """One of each kind, not started."""
    made = []
    for number, (name, keep_alive, pause) in enumerate(_KINDS):
        checker = AnswerChecker(oracle, stale_after)
        connection = ApiConnection(port, keep_alive=keep_alive)
        requests = Requests(checker, connection, random.Random(f"{seed}/{number}"))
        made.append(Client(f"{name} {number}", getattr(requests, name), checker, pause))
    return made
