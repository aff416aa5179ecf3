"""The poller's universe: the backend's word, the last word, or our own count."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from funding.consumers.universe_source import UniverseSource
from funding.errors import RestError, RestUnreachable
from funding.exchanges.binance.rest import Contract, Ticker
from funding.notify.backend import BackendClient
from funding.settings.secret import Secret
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from tests.support.clock import Hand, write
from tests.support.fake_backend import KEY, FakeBackend, serving


@dataclass
class Exchange:
    """24 h volumes by symbol."""

    volumes: dict[str, object] = field(default_factory=dict)
    listed: list[str] = field(default_factory=lambda: ["AUSDT", "BUSDT", "CUSDT"])
    problem: RestError | None = None
    calls: int = 0

    def contracts(self) -> list[Contract]:
        self.calls += 1
        if self.problem is not None:
            raise self.problem
        return [Contract(s, "PERPETUAL", "TRADING", "USDT", s[:-4]) for s in self.listed]

    def tickers(self) -> list[Ticker]:
        return [Ticker(symbol, str(volume)) for symbol, volume in self.volumes.items()]


@dataclass
class Scene:
    exchange: Exchange
    far: FakeBackend
    store: OpenInterestStore
    backend: BackendClient

    def liquid(self, *, backend: bool = True) -> UniverseSource:
        exchange: Any = self.exchange
        return UniverseSource(
            self.far.address if backend else "", Secret(KEY), backend=self.backend,
            rest=lambda: exchange, store=self.store, clock=Hand().clock(),
        )  # fmt: skip


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    path = tmp_path / "funding.db"
    write(path, Hand().clock())
    with (
        serving() as far,
        closing(DurableConnection(path)) as store,
        closing(BackendClient(0.5)) as backend,
    ):
        yield Scene(Exchange(), far, OpenInterestStore(store), backend)


def test_the_backend_says_what_is_liquid(scene: Scene) -> None:
    scene.far.universe = {"symbols": [{"symbol": "BUSDT"}, {"symbol": "AUSDT"}]}
    assert scene.liquid().symbols() == ["AUSDT", "BUSDT"]
    assert scene.store.universe() == {"AUSDT": "backend", "BUSDT": "backend"}
    assert scene.exchange.calls == 0


@pytest.mark.parametrize("reply", [None, [], {"symbols": []}, {"symbols": [1]}, "no"])
def test_while_the_backend_says_nothing_its_last_word_counts(scene: Scene, reply: object) -> None:
    scene.far.universe = {"symbols": ["AUSDT"]}
    scene.liquid().symbols()
    scene.far.universe = reply
    assert scene.liquid().symbols() == ["AUSDT"]  # after a restart, too
    assert scene.exchange.calls == 0


def test_a_backend_that_never_said_anything_is_replaced_by_our_own_count(scene: Scene) -> None:
    scene.exchange.volumes = {"AUSDT": 4e6, "BUSDT": 3e6}
    assert scene.liquid().symbols() == ["AUSDT"]
    assert scene.store.universe() == {"AUSDT": "own"}
    scene.far.universe = {"symbols": ["CUSDT"]}
    assert scene.liquid().symbols() == ["CUSDT"]


def test_our_own_count_goes_on_while_the_backend_stays_silent(scene: Scene) -> None:
    scene.exchange.volumes = {"AUSDT": 4e6}
    assert scene.liquid().symbols() == ["AUSDT"]
    scene.exchange.volumes = {"AUSDT": 1e6, "BUSDT": 4e6}
    assert scene.liquid().symbols() == ["BUSDT"]


def test_our_own_has_hysteresis_across_restarts(scene: Scene) -> None:
    for volume, inside in (
        (3.9e6, False),
        (4e6, True),
        (2e6, True),
        (1.9e6, False),
        (3.9e6, False),
    ):
        scene.exchange.volumes = {"AUSDT": volume, "BUSDT": 9e9, "XUSD_PERP": 9e9, "CUSDT": "?"}
        expected = ["AUSDT", "BUSDT"] if inside else ["BUSDT"]
        assert scene.liquid(backend=False).symbols() == expected


def test_an_exchange_that_is_away_leaves_the_universe_as_it_is(scene: Scene) -> None:
    scene.exchange.problem = RestUnreachable("away")
    with pytest.raises(RestUnreachable):
        scene.liquid(backend=False).symbols()
    scene.exchange.problem = None
    scene.exchange.volumes = {"AUSDT": 4e6}
    scene.liquid(backend=False).symbols()
    scene.exchange.problem = RestUnreachable("away")
    assert scene.liquid(backend=False).symbols() == ["AUSDT"]


def test_an_exchange_without_volumes_does_not_empty_it(scene: Scene) -> None:
    with pytest.raises(RestError, match="no symbol"):
        scene.liquid(backend=False).symbols()
