"""Calls of the consumers to the stand-in exchange, within the group's budget."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from funding.consumers.exchange_client import ExchangeClient
from funding.errors import RestUnreachable
from funding.runtime.clock import SYSTEM
from funding.settings.service import read
from harness.stand_in import StandIn, stand_in
from tests.support.clock import rows, write


@dataclass
class Scene:
    exchange: StandIn
    path: Path

    def client(
        self, weight: int, stopping: threading.Event | None = None, workers: int = 1
    ) -> closing[ExchangeClient]:
        """A client whose group has this weight per minute."""
        settings, _ = read(
            {
                "FUNDING_DB": str(self.path),
                "FUNDING_REST_URL": self.exchange.rest_url,
                "FUNDING_REST_WEIGHT": str(weight),
            }
        )
        stopping = stopping or threading.Event()
        return closing(ExchangeClient(settings, "oi_poller", workers=workers, stopping=stopping))


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with stand_in(tmp_path_factory.mktemp("exchange")) as made:
        yield made


@pytest.fixture
def scene(exchange: StandIn, tmp_path: Path) -> Scene:
    path = tmp_path / "funding.db"
    write(path, SYSTEM)
    return Scene(exchange, path)


def test_candles_and_open_interest_are_fetched_by_symbol(scene: Scene) -> None:
    with scene.client(1_200, workers=2) as client:
        candles = client.candles(["BTCUSDT", "ETHUSDT"], 30.0)
        assert {symbol: len(found) for symbol, found in candles.values.items()} == {
            "BTCUSDT": 2, "ETHUSDT": 2,
        }  # fmt: skip
        at, reply = client.open_interest(["BTCUSDT"], 30.0).values["BTCUSDT"]
    assert abs(SYSTEM.wall() - at) < 60
    assert float(reply.open_interest) > 0
    used = rows(scene.path, "SELECT route, calls, weight FROM rest_usage ORDER BY route")
    assert used == [("klines", 2, 2), ("openInterest", 1, 1)]


def test_no_call_for_all_symbols_begins_after_sigterm(scene: Scene) -> None:
    """Each may take ten seconds, of the 15 that supervisord gives."""
    stopping = threading.Event()
    with scene.client(1_200, stopping) as client:
        assert client.contracts()
        stopping.set()
        before = scene.exchange.calls("exchangeInfo")
        with pytest.raises(RestUnreachable, match="before it was asked"):
            client.contracts()
        assert scene.exchange.calls("exchangeInfo") == before


def test_call_for_all_symbols_reserves_no_block_of_the_budget(scene: Scene) -> None:
    with scene.client(1_200) as client:
        client.tickers()
        assert rows(scene.path, "SELECT calls, weight FROM rest_usage") == [(1, 40)]


def test_reserved_share_of_each_minute_is_not_used(scene: Scene) -> None:
    with scene.client(200, workers=2) as client:
        found = client.open_interest(["BTCUSDT"] * 450, 0.0)
        assert "of 190 used in this minute" in found.failures["BTCUSDT"]
        assert rows(scene.path, "SELECT max(weight) FROM rest_usage") == [(190,)]
