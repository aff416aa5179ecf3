"""The open-interest poller as a program, against the stand-in exchange, the service, and a fake
backend."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.http_client import ask
from harness.processes import WAIT_SECONDS, finished, running, until
from tests.support.api_and_ingest import World, exchange_and_service
from tests.support.clock import rows
from tests.support.consumer_programs import (
    OI_POLLER,
    SAMPLES_PATH,
    no_secrets,
    once,
    settings,
    usage,
)
from tests.support.fake_backend import FakeBackend

SYMBOLS = 341


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One with more symbols, and a budget of its own: an exchange counts by the minute."""
    with exchange_and_service(tmp_path_factory.mktemp("wide"), "--main", "450") as made:
        yield made


def test_one_loop_posts_the_samples(world: World, far: FakeBackend) -> None:
    with world.exchange.faults(open_interest={"BTCUSDT": 1_000.0}):
        before = world.exchange.calls()
        done = once(OI_POLLER, settings(world, far))
        assert world.exchange.calls() == before
    (batch,) = far.bodies(SAMPLES_PATH)
    by_name = {row["symbol"]: row for row in batch["data"]}
    assert set(by_name) == {"BTCUSDT", "ETHUSDT"}
    bitcoin = by_name["BTCUSDT"]
    assert bitcoin["openInterest"] == 1_000
    assert bitcoin["openInterestUsd"] == pytest.approx(1_000 * bitcoin["markPrice"])
    assert usage(world) == {"openInterest": 2}
    no_secrets(world, done.stdout, done.stderr)


def test_universe_by_volume_without_a_backend(world: World) -> None:
    environ: dict[str, Any] = world.environment(FUNDING_MODE="websocket", FUNDING_FORCE_MODE=1)
    environ["FUNDING_REST_WEIGHT"] = 2_400
    once(OI_POLLER, environ)
    (held,) = rows(world.database, "SELECT count(*) FROM universe WHERE source = 'own'")[0]
    assert held > 5
    assert usage(world) == {"exchangeInfo": 1, "ticker/24hr": 1, "openInterest": held}


def test_comparisons_of_mode_parallel_are_stored(world: World, far: FakeBackend) -> None:
    once(OI_POLLER, settings(world, far, FUNDING_MODE="parallel"))
    found = rows(world.database, "SELECT DISTINCT source FROM comparison")
    assert found == [("oi_poller",)]
    assert usage(world) == {"openInterest": 2, "premiumIndex": 1}


@contextmanager
def twenty_clients(port: int) -> Iterator[list[list[int]]]:
    """Clients of the API that ask while the block runs: the statuses that each has seen."""
    over = threading.Event()
    seen: list[list[int]] = [[] for _ in range(20)]

    def client(number: int) -> None:
        while not over.is_set():
            symbol = "BTCUSDT" if number % 2 else "ETHUSDT"
            seen[number].append(ask(port, f"/funding/{symbol}").status)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(len(seen))]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_341_symbols_are_polled_by_20_threads_while_the_api_answers(
    wide: World, far: FakeBackend, tmp_path: Path
) -> None:
    world = wide
    names = [s for s in world.symbols if s.endswith("USDT")][:SYMBOLS]
    assert len(names) == SYMBOLS
    far.universe = {"symbols": [{"symbol": name} for name in names]}
    log = tmp_path / "log"
    environ = settings(world, far, OI_MIN_INTERVAL_SEC=1, OI_MAX_INTERVAL_SEC=1)
    before = world.exchange.calls("openInterest"), world.exchange.calls()
    with (
        twenty_clients(world.api_port) as seen,
        running([sys.executable, OI_POLLER], log, settings=environ) as process,
    ):
        loops = "SELECT count(DISTINCT at) FROM open_interest"
        until(lambda: rows(world.database, loops)[0][0] >= 1, "a loop")
        until(lambda: len(far.bodies(SAMPLES_PATH)) >= 4, "the batches")
        until(lambda: all(seen), "each client is answered")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    assert {status for each in seen for status in each} == {200}
    assert "failed" not in log.read_text()
    kept = rows(world.database, "SELECT symbol, min(mark_price) FROM open_interest GROUP BY symbol")
    assert len(kept) == SYMBOLS
    assert all(mark for _, mark in kept)
    assert world.exchange.calls() == before[1]  # premiumIndex: none
    assert usage(world)["openInterest"] == world.exchange.calls("openInterest") - before[0]


def test_once_reports_a_loop_without_any_answer(world: World, far: FakeBackend) -> None:
    """The backend still names the symbols."""
    with world.exchange.faults(rest_status=500):
        done = finished([sys.executable, OI_POLLER, "--once"], **settings(world, far))
    assert done.returncode == 1
    assert "status 500" in done.stdout
