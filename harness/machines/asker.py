"""`python -m harness.machines.asker VIA ADDRESS RATE SECONDS`: lookups of one symbol at a time, so
many a second, by FundingClient(url=ADDRESS) (VIA `client`) or the API at a loopback port (`api`).

# Facts
- A lookup is due at a fixed moment, whether the one before is answered or not, and its time counts
  from then: who is late for one is late for all that wait behind it.
"""

import http.client
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from harness.feeds import share

LATE_SECONDS = 1.0
"""A lookup that is answered later than that after it was due is missed."""
WARM_SECONDS = 3.0
Ask = Callable[[str], float | None]
"""A symbol's age in seconds; None: there is no fresh quote."""


class Figures(NamedTuple):
    """What one asker saw; times in ms."""

    asked: int
    missed: int
    p50_ms: float
    p99_ms: float
    call_p50_ms: float
    oldest_seconds: float
    cpu_seconds: float


def ask_all(ask: Ask, symbols: Sequence[str], rate: float, seconds: float) -> Figures:
    """The lookups of `seconds`, in turn over `symbols`."""
    count = int(rate * seconds)
    took, calls, missed, oldest = [], [], 0, 0.0
    cpu, began = time.process_time(), time.perf_counter()
    for number in range(count):
        due = began + number / rate
        wait = due - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        called = time.perf_counter()
        age = ask(symbols[number % len(symbols)])
        now = time.perf_counter()
        took.append(now - due)
        calls.append(now - called)
        missed += age is None or now - due > LATE_SECONDS
        oldest = max(oldest, age or 0.0)
    used = time.process_time() - cpu
    p50, p99, call = (1_000 * share(*pair) for pair in ((took, 0.5), (took, 0.99), (calls, 0.5)))
    return Figures(count, missed, p50, p99, call, oldest, used)


def main() -> None:
    """Prints the figures as JSON."""
    via, address, rate, seconds = sys.argv[1:]
    print(json.dumps((_client if via == "client" else _api)(address, float(rate), float(seconds))))


def _client(address: str, rate: float, seconds: float) -> Figures:
    from funding.client import FundingClient

    with FundingClient(url=address, caller="asker") as client:

        def ask(symbol: str) -> float | None:
            found = client.get(symbol)
            return None if found is None else found.age_seconds

        client.get_all()
        time.sleep(WARM_SECONDS)
        return ask_all(ask, sorted(client.get_all()), rate, seconds)


def _api(address: str, rate: float, seconds: float) -> Figures:
    connection = http.client.HTTPConnection("127.0.0.1", int(address), timeout=10)

    def get(path: str) -> tuple[int, dict[str, object]]:
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return answer.status, json.loads(answer.read())

    def ask(symbol: str) -> float | None:
        status, body = get(f"/funding/{symbol}")
        age = body.get("ageSeconds")
        return age if status == 200 and isinstance(age, float) else None

    rows = get("/funding")[1]["data"]
    assert isinstance(rows, list)
    time.sleep(WARM_SECONDS)
    return ask_all(ask, [row["symbol"] for row in rows if row["symbol"].isascii()], rate, seconds)


if __name__ == "__main__":
    main()
