"""The poller's universe: the backend's list, its last list, or our own by volume."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from funding.consumers import universe
from funding.consumers.universe import Universe
from funding.errors import RestError, RestUnreachable
from funding.exchanges.binance.rest import Contract, Ticker
from funding.notify.backend import BackendClient
from funding.settings.secret import Secret
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from tests.support.clock import ManualClock, write
from tests.support.fake_backend import KEY, FakeBackend, NoWaits, serving


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

    def universe(self, *, backend: bool = True) -> Universe:
        ask = partial(universe.ask, self.backend, self.far.address, Secret(KEY))
        return Universe(
            ask_backend=ask if backend else None, contracts=self.exchange.contracts,
            tickers=self.exchange.tickers, store=self.store, clock=ManualClock().clock(),
        )  # fmt: skip


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    path = tmp_path / "funding.db"
    write(path, ManualClock().clock())
    with (
        serving() as far,
        closing(DurableConnection(path)) as store,
        closing(BackendClient(waits=NoWaits())) as backend,
    ):
        yield Scene(Exchange(), far, OpenInterestStore(store), backend)


def test_backend_lists_the_universe(scene: Scene) -> None:
    scene.far.universe = {"symbols": [{"symbol": "BUSDT"}, {"symbol": "AUSDT"}]}
    assert scene.universe().symbols() == ["AUSDT", "BUSDT"]
    assert scene.store.universe() == {"AUSDT": "backend", "BUSDT": "backend"}
    assert scene.exchange.calls == 0


@pytest.mark.parametrize("reply", [None, [], {"symbols": []}, {"symbols": [1]}, "no"])
def test_last_list_counts_while_the_backend_gives_none(scene: Scene, reply: object) -> None:
    scene.far.universe = {"symbols": ["AUSDT"]}
    scene.universe().symbols()
    scene.far.universe = reply
    assert scene.universe().symbols() == ["AUSDT"]  # after a restart, too
    assert scene.exchange.calls == 0


def test_universe_by_volume_replaces_a_backend_that_never_gave_a_list(scene: Scene) -> None:
    scene.exchange.volumes = {"AUSDT": 4e6, "BUSDT": 3e6}
    assert scene.universe().symbols() == ["AUSDT"]
    assert scene.store.universe() == {"AUSDT": "own"}
    scene.far.universe = {"symbols": ["CUSDT"]}
    assert scene.universe().symbols() == ["CUSDT"]


def test_universe_by_volume_is_renewed_while_the_backend_gives_no_list(scene: Scene) -> None:
    scene.exchange.volumes = {"AUSDT": 4e6}
    assert scene.universe().symbols() == ["AUSDT"]
    scene.exchange.volumes = {"AUSDT": 1e6, "BUSDT": 4e6}
    assert scene.universe().symbols() == ["BUSDT"]


def test_universe_by_volume_has_hysteresis_across_restarts(scene: Scene) -> None:
    for volume, inside in (
        (3.9e6, False),
        (4e6, True),
        (2e6, True),
        (1.9e6, False),
        (3.9e6, False),
    ):
        scene.exchange.volumes = {"AUSDT": volume, "BUSDT": 9e9, "XUSD_PERP": 9e9, "CUSDT": "?"}
        expected = ["AUSDT", "BUSDT"] if inside else ["BUSDT"]
        assert scene.universe(backend=False).symbols() == expected


def test_exchange_that_is_away_leaves_the_universe_as_it_is(scene: Scene) -> None:
    scene.exchange.problem = RestUnreachable("away")
    with pytest.raises(RestUnreachable):
        scene.universe(backend=False).symbols()
    scene.exchange.problem = None
    scene.exchange.volumes = {"AUSDT": 4e6}
    scene.universe(backend=False).symbols()
    scene.exchange.problem = RestUnreachable("away")
    assert scene.universe(backend=False).symbols() == ["AUSDT"]


def test_exchange_without_volumes_does_not_empty_the_universe(scene: Scene) -> None:
    with pytest.raises(RestError, match="no symbol"):
        scene.universe(backend=False).symbols()
