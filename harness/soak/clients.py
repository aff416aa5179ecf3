"""The clients: threads that ask for everything the API has, all the while."""

import random
import threading
import traceback
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.soak.answers import Seen
from harness.soak.oracle import Oracle
from harness.soak.web import OK, Way

_BATCH = 100
NOBODY = "NOSUCHUSDT"


class Client(threading.Thread):
    """Calls `turn` every `pause` seconds or so, until stopped. `failure` is our own mistake."""

    def __init__(self, name: str, turn: Callable[[], None], seen: Seen, pause: float) -> None:
        super().__init__(name=name, daemon=True)
        self.seen = seen
        self.failure = ""
        self._turn, self._pause = turn, pause
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.wait(self._pause):
            try:
                self._turn()
            except Exception:  # noqa: BLE001 (an answer of no known form; the soak goes on)
                self.failure = traceback.format_exc()
                self.seen.blame(self.failure.strip().splitlines()[-1])


class Turns:
    """What each kind of client does in a turn."""

    def __init__(self, seen: Seen, way: Way, chance: random.Random) -> None:
        self._seen, self._way, self._chance = seen, way, chance
        self._symbols = seen.oracle.symbols
        self._tag, self._rows = "", list[Mapping[str, Any]]()

    def one(self) -> None:
        """A symbol; sometimes in lower case, sometimes one that does not exist."""
        symbol = self._chance.choice(self._symbols)
        draw = self._chance.random()
        if draw < 0.02:
            self._seen.nobody(NOBODY, self._way.get(f"/funding/{NOBODY}"))
            return
        asked = symbol.lower() if draw < 0.1 and symbol.isascii() else symbol
        self._seen.one(symbol, self._way.get(f"/funding/{urllib.parse.quote(asked)}"))

    def batch(self) -> None:
        """A hundred symbols."""
        asked = self._chance.sample(self._symbols, min(_BATCH, len(self._symbols)))
        query = urllib.parse.quote(",".join(asked))
        self._seen.batch(asked, self._way.get(f"/funding/batch?symbols={query}"))

    def all(self) -> None:
        """One symbol, then all with the last ETag: a 304 must not hide what the first showed."""
        self.one()
        got = self._way.get("/funding", self._tag)
        if got.outcome == OK:
            self._tag, self._rows = got.tag, got.body["data"]
        self._seen.all(self._rows, got)

    def health(self) -> None:
        """The verdict."""
        self._seen.health(self._way.get("/funding/health"))


_KINDS: Sequence[tuple[str, bool, float]] = (
    ("one", True, 0.02),
    ("one", False, 0.05),
    ("batch", True, 0.2),
    ("all", True, 0.4),
    ("health", False, 0.25),
)
"""What it asks, whether on one connection, and its pause in seconds."""


def clients(port: int, oracle: Oracle, stale_after: float, seed: int) -> list[Client]:
    """One of each kind, not started."""
    made = []
    for number, (name, keep, pause) in enumerate(_KINDS):
        seen = Seen(oracle, stale_after)
        turns = Turns(seen, Way(port, keep=keep), random.Random(f"{seed}/{number}"))
        made.append(Client(f"{name} {number}", getattr(turns, name), seen, pause))
    return made
