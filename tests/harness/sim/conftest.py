"""One stand-in for all tests of it, without faults at the start of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.sim.exchange import TICK_MS, Exchange, exchange_of


@pytest.fixture(scope="session")
def running() -> Iterator[Exchange]:
    with exchange_of("--tick", str(TICK_MS / 1000)) as made:
        yield made


@pytest.fixture
def exchange(running: Exchange) -> Iterator[Exchange]:
    running.clear()
    yield running
    running.close()
    running.clear()
