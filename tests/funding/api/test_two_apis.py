"""Short answers in the loop's thread, long ones beside it."""

import threading
from typing import Any

from funding.api.two_apis import TwoApis, new_meters
from harness.processes import WAIT_SECONDS
from tests.support.api_world import World
from tests.support.wsgi import ask


class _Asked:
    """Stands for an API: notes its requests, and how many it answers at once."""

    def __init__(self, takes_long: Any) -> None:
        self.takes_long = takes_long
        self.asked: list[str] = []
        self.at_once = 0
        self.go_on = threading.Event()

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.at_once += 1
        assert self.at_once == 1
        self.asked.append(environ["PATH_INFO"])
        assert self.go_on.wait(WAIT_SECONDS)
        self.at_once -= 1
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]


def test_the_routes_of_each(world: World) -> None:
    takes_long = world.api().takes_long
    for path in ("/funding/overview", "/funding/spreads", "/funding/BTCUSDT/comparisons"):
        assert takes_long(path)
    for path in ("/funding", "/funding/BTCUSDT", "/funding/health", "/funding/BTCUSDT/history"):
        assert not takes_long(path)


def test_a_lookup_does_not_wait_for_a_long_answer() -> None:
    short: Any = _Asked("/long".__eq__)
    long: Any = _Asked(None)
    short.go_on.set()
    both = TwoApis(short, long, new_meters())
    threads = [threading.Thread(target=ask, args=(both, "/long")) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert ask(both, "/short").status == 200
    long.go_on.set()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    assert (short.asked, long.asked) == (["/short"], ["/long"] * 3)


def test_it_is_an_api(world: World) -> None:
    both = TwoApis(world.api(), world.api(), new_meters())
    assert ask(both, "/funding/BTCUSDT").status == 200
    assert ask(both, "/funding/spreads").status == 200
