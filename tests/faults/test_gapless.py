"""Faults that may cost no tick: rotations, and whatever befalls one of two connections."""

from collections.abc import Iterator

import pytest

from funding.runtime import process
from harness.group import Group, started, tree
from harness.processes import until
from harness.stand_in import stand_in
from tests.faults.catalogue import MAIN, TRADFI, events
from tests.faults.conftest import Record
from tests.faults.proxy import Pipe, Proxy, proxy
from tests.faults.ticks import Ticks, ticks
from tests.support.service import healthy_service

pytestmark = pytest.mark.faults
TICK_MS = 1_000


def no_tick_is_missing(seen: Ticks) -> None:
    """All ticks of all symbols, by a poller that itself was never away for a tick."""
    assert seen.longest_poll < TICK_MS / 1_000, "the poller was held up: nothing is proven"
    assert seen.missed(TICK_MS) == 0, seen.seen


def rotations(service: Group) -> int:
    """How many there were."""
    return sum(kind == "rotation" for _, kind, _ in events(service))


def reconnects(service: Group) -> int:
    """Connection attempts after the first."""
    return int(service.rows("SELECT reconnects FROM feed")[0][0])


def test_a_rotation_every_5_seconds_for_a_minute(record: Record) -> None:
    """A life of 24 h, compressed: each connection is cut after 10 s, and rotated before that."""
    with healthy_service(
        FUNDING_MIN_SYMBOLS=30, FUNDING_ROTATE_AFTER=5, FUNDING_STALL_AFTER=3
    ) as service:
        pid = service.feed_pid()
        before = process.memory_bytes(pid)
        with (
            service.exchange.faults(life_seconds=10, life_abort=True),
            ticks(service.database, MAIN, "ETHUSDT", TRADFI, "XAUUSDT") as seen,
        ):
            until(lambda: seen.count() > 60, "a minute", seconds=90)
            no_tick_is_missing(seen)
        kinds = {kind for _, kind, _ in events(service)}
        assert rotations(service) >= 11
        assert kinds <= {"start", "connect", "rotation"}, events(service)
        assert service.feed_pid() == pid
        grown = process.memory_bytes(pid) - before
        assert grown < 4 * 1024 * 1024
        result = f"{rotations(service)} rotations, 0 of {seen.count()} ticks missed"
        record("rotation every 5 s for a minute", "0 ticks missed", f"{result}, {grown >> 10} KiB")


@pytest.fixture(scope="module")
def spare() -> Iterator[tuple[Group, Proxy]]:
    """A service with two connections, and the relay both go through."""
    with tree() as folder, stand_in(folder) as exchange, proxy(exchange.port) as relay:
        url = exchange.ws_url.replace(str(exchange.port), str(relay.port))
        settings = {"FUNDING_CONNECTIONS": 2, "FUNDING_WS_URL": url, "FUNDING_MIN_SYMBOLS": 30}
        with started(folder, exchange, **settings) as service:
            yield service, relay


@pytest.mark.parametrize("fault", ["reset", "end", "freeze"])
@pytest.mark.parametrize("which", [0, -1], ids=["the older", "the younger"])
def test_a_fault_of_one_of_two_connections_costs_no_tick(
    spare: tuple[Group, Proxy], record: Record, fault: str, which: int
) -> None:
    service, relay = spare

    def both() -> list[Pipe]:
        flowing = [pipe for pipe in relay.open if pipe.began.is_set()]
        connections = service.rows("SELECT connections FROM feed")[0][0]
        return flowing if len(flowing) == connections == 2 else []

    pipes = until(both, "two connections")
    before = reconnects(service)
    with ticks(service.database, MAIN, TRADFI) as seen:
        until(lambda: seen.count() >= 3, "ticks before")
        getattr(pipes[which], fault)()
        if fault == "freeze":
            until(lambda: reconnects(service) > before, "it is replaced")
            pipes[which].end()
        until(both, "two connections again")
        after = seen.count() + 5
        until(lambda: seen.count() >= after, "ticks after")
        no_tick_is_missing(seen)
    name = f"hot spare: {fault} of {('the older', 'the younger')[which]} connection"
    record(name, "0 ticks missed", f"0 of {seen.count()} missed")
