"""The table of goals: every symbol, ticks of a second, default settings."""

import os
import random
import signal
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import apsw
import pytest

from funding.runtime.backoff import BURST
from funding.runtime.clock import SYSTEM
from harness.group import Group
from harness.processes import running, until
from harness.stand_in import StandIn, stand_in
from tests.conftest import free_port
from tests.faults.catalogue import (
    MAIN,
    TRADFI,
    Fault,
    events,
    fresh_after,
    killed,
    posted,
    prove,
    quotes,
    well,
)
from tests.faults.conftest import Record
from tests.support.clock import rows
from tests.support.service import healthy_service

pytestmark = pytest.mark.faults
FULL = ()
INGEST = frozenset({"ingest.py"})


@pytest.fixture(scope="module")
def service() -> Iterator[Group]:
    """All symbols and default settings."""
    with healthy_service(count=FULL) as service:
        yield service


GOALS = [
    Fault(
        "stall: socket open, pings answered, no data",
        posted(silence_open=True),
        goal=8,
        noticed=("stall", "no newer mark price for 5 s"),
    ),
    Fault(
        "half-open TCP", posted(half_open=True), goal=8, noticed=("stall", "no newer mark price")
    ),
    Fault(
        "ingest kill -9",
        killed(signal.SIGKILL, "ingest.py"),
        goal=3,
        noticed=("replaced|crash", "funding:ingest"),
        replaced=INGEST,
    ),
    *(
        Fault(
            f"hung ingest ({number})",
            killed(signal.SIGSTOP, "ingest.py"),
            goal=15,
            noticed=("kill", "funding:ingest"),
            replaced=INGEST,
        )
        for number in (1, 2, 3)
    ),
]


@pytest.mark.parametrize("fault", GOALS, ids=str)
def test_a_goal_is_met(service: Group, record: Record, fault: Fault) -> None:
    if fault.name.startswith("hung"):
        until(lambda: age_of_ingest(service) > 9, "the grace of a young process is over")
    seen, _ = prove(service, fault)
    record(fault.name, f"data ≤ {fault.goal:g} s", f"{seen:.1f} s")


def age_of_ingest(service: Group) -> float:
    """Seconds since the present ingest began."""
    return SYSTEM.uptime() - float(service.rows("SELECT started_uptime FROM feed")[0][0])


def test_silent_from_the_first_second(service: Group, record: Record) -> None:
    with service.exchange.faults(silence=True):
        began = SYSTEM.wall()
        os.kill(service.feed_pid(), signal.SIGKILL)
        first = until(lambda: connected_after(service, began), "connected")
        second = until(lambda: connected_after(service, first), "connected again")
        select = "SELECT at FROM event WHERE kind = 'stall' AND at > ? ORDER BY at"
        ((named,), *_) = service.rows(select, first)
    until(lambda: well(service), "healthy again")
    result = f"{named - first:.1f}, {second - first:.1f} s"
    record("silent from the first second", "named and retried ≤ 6 s", result)
    assert second - first <= 6


def connected_after(service: Group, since: float) -> float:
    """When ingest connected for the last time, if that was after Unix seconds; else 0."""
    connected = float(service.rows("SELECT last_connected_at FROM feed")[0][0] or 0.0)
    return connected if connected > since else 0.0


def test_one_symbol_of_all_frozen(service: Group, record: Record) -> None:
    pids = {program: service.pids(program) for program in ("ingest.py", "api.py", "watchdog.py")}
    for number, symbol in enumerate(("ETHUSDT", "SOLUSDT", "XRPUSDT")):
        with service.exchange.faults(freeze_symbols=[symbol]):
            began = SYSTEM.wall()

            def reported() -> list[float]:
                select = "SELECT at FROM event WHERE kind = 'behind' AND detail LIKE ?"
                return [at - began for (at,) in service.rows(select, f"%{symbol}%")]  # noqa: B023

            (seen,) = until(reported, "it is reported")
        record(f"one symbol of 900 frozen ({number + 1})", "reported ≤ 15 s", f"{seen:.1f} s")
        assert seen <= 15
        assert {program: service.pids(program) for program in pids} == pids
        until(lambda: quotes(service)[symbol][0] > began * 1000, "it moves again")  # noqa: B023


@pytest.mark.parametrize("seconds", [1, 3, 10, 30, 60])
def test_an_outage_then_back(service: Group, record: Record, seconds: int) -> None:
    # As after 75 s of peace: what earlier faults have spent would be waited for.
    until(lambda: service.rows("SELECT attempts_left FROM feed")[0][0] >= BURST, "no debt", 90)
    with service.exchange.faults(refuse=True, abort=True):
        began = SYSTEM.uptime()
        until(lambda: SYSTEM.uptime() - began > seconds, "the outage", 2 * seconds + 10)
        ended = SYSTEM.uptime()
    seen = fresh_after(service, ended)
    record(f"outage of {seconds} s, then back", "data ≤ 5 s after", f"{seen:.1f} s")
    until(lambda: well(service), "healthy again")
    assert seen <= 5


def test_silence_until_rest_stands_in(service: Group, record: Record) -> None:
    """Scripts have fresh data all along, by REST from `FUNDING_STANDBY_AFTER` on."""

    def is_degraded() -> bool:
        answer = service.ask("/funding/health")
        assert service.ask(f"/funding/{MAIN}").status == 200
        return answer.status == 200 and answer.json["status"] == "degraded"

    with service.exchange.faults(silence=True):
        began = SYSTEM.uptime()
        until(is_degraded, "REST stands in", 90)
        seen = SYSTEM.uptime() - began
        while SYSTEM.uptime() - began < seen + 20:
            assert is_degraded()
    until(lambda: well(service), "the stream is back")
    select = "SELECT duration_seconds FROM event WHERE kind = 'standby' ORDER BY id DESC LIMIT 1"
    until(lambda: service.rows(select)[0][0], "the event has its end")
    record("stream silent", "REST stands in ≤ 45 s", f"{seen:.1f} s")
    assert seen <= 45


# Many of a kind: four ingests at one exchange, which breaks all of their connections at once


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StandIn, list[Path]]]:
    """An exchange, and the databases of four ingests that have its data."""
    folder = tmp_path_factory.mktemp("many")
    with stand_in(folder, count=FULL) as exchange, ExitStack() as stack:
        paths = [folder / f"{number}.db" for number in range(4)]
        for path in paths:
            settings = {"FUNDING_DB": path, "FUNDING_WS_URL": exchange.ws_url}
            settings["FUNDING_API_PORT"] = str(free_port())
            log = path.with_suffix(".log")
            stack.enter_context(running([sys.executable, "ingest.py"], log, settings=settings))
        until(lambda: all(map(has_tables, paths)), "the stores")
        first_after(paths, 0.0)
        yield exchange, paths


def has_tables(path: Path) -> bool:
    """Whether an ingest has made the database."""
    with suppress(apsw.Error):
        return bool(rows(path, "SELECT 1 FROM sqlite_schema WHERE name = 'quote'"))
    return False


def both_after(path: Path, uptime: float) -> float | None:
    """When both classes had data after `uptime`, by the store of a running ingest."""
    select = "SELECT received_uptime FROM quote WHERE symbol IN (?, ?) AND received_uptime > ?"
    found = [at for (at,) in rows(path, select, MAIN, TRADFI, uptime)]
    return max(found) if len(found) == 2 else None


def first_after(paths: list[Path], uptime: float) -> list[float]:
    """When each store first had data of both classes after `uptime`; all are asked in turn, so
    that the next tick does not take the place of the first."""
    found: dict[Path, float] = {}

    def all_of_them() -> bool:
        for path in paths:
            at = None if path in found else both_after(path, uptime)
            if at is not None:
                found[path] = at
        return len(found) == len(paths)

    until(all_of_them, "data")
    return list(found.values())


@pytest.mark.parametrize("fault", [{"abort": True}, {"close": {"code": 1001, "reason": ""}}])
def test_a_hundred_of_a_kind(
    many: tuple[StandIn, list[Path]], record: Record, fault: dict[str, object]
) -> None:
    exchange, paths = many
    chance = random.Random(7)
    seen: list[float] = []
    for _ in range(25):
        # At any moment of a tick, and no faster than attempts are allowed in the long run.
        due = SYSTEM.uptime() + 4.6 + chance.random()
        until(lambda: SYSTEM.uptime() > due, "the next moment")  # noqa: B023
        exchange.order("faults", "POST", fault)
        began = SYSTEM.uptime()
        seen += [at - began for at in first_after(paths, began)]
    seen.sort()
    name = "reset" if "abort" in fault else "close 1001"
    result = f"p50 {statistics.median(seen):.2f} s, p99 {seen[98]:.2f} s, max {seen[-1]:.2f} s"
    record(f"{name}, {len(seen)} times", "data ≤ 2 s (p99)", result)
    assert seen[98] <= 2


def test_health_and_pids_are_as_they_should_be(service: Group) -> None:
    """After all of that."""
    assert well(service)
    assert service.pids("ingest.py") == {service.feed_pid()}
    outage = "no frame for"  # the longest outage, for which the budget was spent by then
    waiting = [each for each in events(service) if each[1] == "waiting" and outage not in each[2]]
    assert not waiting
