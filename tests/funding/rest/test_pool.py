"""Many calls at once: all answered, in budget, and none after a ban."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from funding.errors import RestBanned, RestError, RestOverBudget, RestRestricted, RestUnreachable
from funding.rest.client import RestClient
from funding.rest.pool import Pool
from funding.store.durable import DurableConnection
from funding.store.reservations import ReservedUsage
from funding.store.rest_usage import RestUsage
from harness.stand_in import StandIn, stand_in
from tests.conftest import free_port
from tests.support.clock import ManualClock, rows, write

SYMBOLS = [f"S{number}" for number in range(200)]


class Stopping(threading.Event):
    """Waits take no time: the clock goes on by them."""

    def __init__(self, hand: ManualClock) -> None:
        super().__init__()
        self._hand = hand
        self._moving = threading.Lock()
        self.waited = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        with self._moving:
            self.waited += timeout or 0.0
            self._hand.advance(timeout or 0.0)
        return self.is_set()


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with stand_in(tmp_path_factory.mktemp("sim"), "--main", "400") as made:
        yield made


@contextmanager
def pool(
    path: Path, url: str, *, hand: ManualClock, budget: int = 1_200, workers: int = 20
) -> Iterator[tuple[Pool, Stopping]]:
    store, stopping, clock = DurableConnection(path), Stopping(hand), hand.clock()
    reserved = ReservedUsage(RestUsage(store))

    def make() -> RestClient:
        return RestClient(url, "me", usage=reserved, budget=budget, clock=clock)

    made = Pool(make, workers, clock=clock, stopping=stopping, release=reserved.release)
    try:
        yield made, stopping
    finally:
        made.close()
        store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "funding.db"
    write(made, ManualClock().clock())
    return made


def hand() -> ManualClock:
    return ManualClock(wall=1_764_725_640.0)  # on the minute


def names(exchange: StandIn, count: int) -> list[str]:
    clock = ManualClock().clock()
    made = RestClient(exchange.rest_url, "x", usage=_Free(), budget=2_400, clock=clock)  # type: ignore[arg-type]
    return [each.symbol for each in made.contracts()][:count]


class _Free:
    def ban(self, _: str) -> None:
        return None

    def spend(self, *_: object) -> int:
        return 0


def calls(path: Path) -> int:
    return int(rows(path, "SELECT coalesce(sum(calls), 0) FROM rest_usage")[0][0])


def test_341_symbols_by_20_threads_each_once(path: Path, exchange: StandIn) -> None:
    symbols = names(exchange, 341)
    assert len(symbols) == 341
    before = exchange.calls("openInterest")
    advanced: list[int] = []
    with pool(path, exchange.rest_url, hand=hand()) as (made, _):
        found = made.fetch_all(
            symbols, lambda rest, symbol: rest.open_interest(symbol), seconds=60,
            advance=lambda: advanced.append(1),
        )  # fmt: skip
        assert calls(path) == 341  # and not the blocks that were taken
    assert found.failures == {}
    assert {symbol: reply.symbol for symbol, reply in found.values.items()} == {
        symbol: symbol for symbol in symbols
    }
    assert exchange.calls("openInterest") - before == 341 == calls(path) == len(advanced)


def test_what_exceeds_the_budget_waits_for_the_next_minute(path: Path, exchange: StandIn) -> None:
    symbols, clock = names(exchange, 100), hand()
    with pool(path, exchange.rest_url, hand=clock, budget=60, workers=1) as (made, stopping):
        found = made.fetch_all(symbols, lambda rest, name: rest.open_interest(name), seconds=90)
    assert len(found.values) == 100
    assert found.waited == 1
    assert stopping.waited == 60
    used = rows(path, "SELECT minute, weight FROM rest_usage ORDER BY minute")
    assert used == [(29_412_094, 60), (29_412_095, 40)]


def test_a_round_does_not_outlast_its_time(path: Path, exchange: StandIn) -> None:
    symbols = names(exchange, 100)
    with pool(path, exchange.rest_url, hand=hand(), budget=60) as (made, stopping):
        found = made.fetch_all(symbols, lambda rest, name: rest.open_interest(name), seconds=30)
    assert (len(found.values), len(found.failures)) == (60, 40)
    assert stopping.waited == 0
    assert found.ended is None


def test_a_ban_ends_the_round_for_all(path: Path, exchange: StandIn) -> None:
    symbols = names(exchange, 200)
    before = exchange.calls("openInterest")
    with exchange.faults(rest_status=418, rest_retry_after=120):
        with pool(path, exchange.rest_url, hand=hand()) as (made, _):
            found = made.fetch_all(symbols, lambda rest, name: rest.open_interest(name), seconds=60)
        assert isinstance(found.ended, RestBanned)
        assert found.values == {}
        assert exchange.calls("openInterest") - before <= 20
    assert calls(path) <= 20
    events = rows(path, "SELECT detail FROM event WHERE kind = 'rest-pause'")
    assert [detail.partition(": no calls")[2] for (detail,) in events] == [" for 120 s"]


@pytest.mark.parametrize("error", [RestBanned("x", 9.0), RestRestricted("x")])
def test_hopeless_errors_end_a_round(path: Path, error: RestError) -> None:
    def ask(_: RestClient, __: str) -> None:
        raise error

    with pool(path, "http://127.0.0.1:1", hand=hand(), workers=2) as (made, _):
        found = made.fetch_all(SYMBOLS, ask, seconds=60)
    assert found.ended is error
    assert len(found.failures) <= 3


def test_an_exchange_that_is_away_is_not_asked_for_every_symbol(path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pool(path, url, hand=hand(), workers=2) as (made, _):
        found = made.fetch_all(SYMBOLS, lambda rest, name: rest.open_interest(name), seconds=60)
    assert isinstance(found.ended, RestUnreachable)
    assert len(found.failures) <= 6


def test_single_failures_do_not_end_a_round(path: Path) -> None:
    def ask(_: RestClient, symbol: str) -> str:
        if int(symbol[1:]) % 2:
            raise RestUnreachable("x")
        return symbol

    with pool(path, "http://127.0.0.1:1", hand=hand(), workers=1) as (made, _):
        found = made.fetch_all(SYMBOLS, ask, seconds=60)
    assert (len(found.values), len(found.failures), found.ended) == (100, 100, None)


def test_stopping_ends_a_round(path: Path) -> None:
    with pool(path, "http://127.0.0.1:1", hand=hand(), workers=1) as (made, stopping):

        def ask(_: RestClient, symbol: str) -> str:
            if symbol == "S3":
                stopping.set()
            return symbol

        assert list(made.fetch_all(SYMBOLS, ask, seconds=60).values) == SYMBOLS[:4]


def test_stopping_ends_a_wait_for_the_budget(path: Path) -> None:
    """It is no failure of those who wait: a scan would count as complete without them."""
    with pool(path, "http://127.0.0.1:1", hand=hand(), workers=1) as (made, stopping):

        def ask(_: RestClient, __: str) -> str:
            stopping.set()
            raise RestOverBudget("x", 30.0)

        found = made.fetch_all(SYMBOLS[:1], ask, seconds=60)
        assert found.values == found.failures == {}


def test_a_defect_is_raised(path: Path) -> None:
    def ask(_: RestClient, symbol: str) -> str:
        if symbol == "S5":
            raise KeyError(symbol)
        return symbol

    with (
        pool(path, "http://127.0.0.1:1", hand=hand()) as (made, _),
        pytest.raises(KeyError, match="S5"),
    ):
        made.fetch_all(SYMBOLS, ask, seconds=60)
