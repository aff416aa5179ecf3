"""Threads that ask REST of several exchanges: what one of them does touches no other."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from funding.exchanges.table import EXCHANGES
from funding.model.quote import Quote
from funding.settings.service import read
from funding.store.writer import Writer
from funding.watchdog.rest_check import Schedule
from funding.watchdog.rest_checkers import RestCheckers
from harness.processes import until
from tests.support.clock import ManualClock, feed_at, rows
from tests.support.compared_service import TIME
from tests.support.http_script import Scripted, Turn, hangs, reply, scripted, sends

SETTLES = TIME + 3_600_000
COIN = {"name": "BTC"}
CONTEXT = {"markPx": "100.0", "oraclePx": "100.0", "funding": "0.0001"}
PREMIUM = {
    "markPrice": "100.0", "indexPrice": "100.0", "lastFundingRate": "0.0001",
    "nextFundingTime": SETTLES, "time": TIME,
}  # fmt: skip
KUCOIN = {
    "symbol": "XBTUSDTM", "type": "FFWCSX", "markPrice": 100.0, "indexPrice": 100.0,
    "fundingFeeRate": 0.0001, "nextFundingRateDateTime": SETTLES,
}  # fmt: skip
BACKPACK = {
    "symbol": "BTC_USDC_PERP", "markPrice": "100.0", "indexPrice": "100.0",
    "fundingRate": "0.0001", "nextFundingTimestamp": SETTLES,
}  # fmt: skip
NAMES = tuple(EXCHANGES)


def body(path: str) -> object:
    """What the exchange with this path has: one symbol, and the same values everywhere."""
    if "contracts" in path:
        data = [KUCOIN] if path.endswith("/active") else KUCOIN
        return {"code": "200000", "data": data}
    if "markPrices" in path:
        return [BACKPACK]
    if "/info" in path:
        return [{"universe": [COIN]}, [CONTEXT]]
    one = {**PREMIUM, "symbol": "BTCUSD_PERP" if "/dapi/" in path else "BTCUSDT"}
    return one if "/fapi/" in path and "symbol=" in path else [one]


class World:
    """A store with the control symbol of each exchange, and one server for all of them."""

    def __init__(self, folder: Path, server: Scripted) -> None:
        self.path, self.hand, self.server = folder / "funding.db", ManualClock(), server
        self.hand.wall = TIME / 1000
        self.bad: dict[str, Turn] = {}
        server.turns = [self.turn]
        self.settings, _ = read(
            {
                "FUNDING_EXCHANGES": ",".join(NAMES),
                "FUNDING_DB": str(self.path),
                **{f"FUNDING_{name}REST_URL": server.url for name in ("", "COINM_", "KUCOIN_")},
                **{f"FUNDING_{name}_REST_URL": server.url for name in ("HYPERLIQUID", "BACKPACK")},
            }
        )
        self.write()

    def turn(self, connection: Any, stopping: threading.Event) -> None:
        path = self.server.paths[-1]
        for part, bad in self.bad.items():
            if part in path:
                return bad(connection, stopping)
        return sends(reply(body=json.dumps(body(path)).encode()))(connection, stopping)

    def write(self, **marks: float) -> None:
        """Store a quote of each exchange: at 100, or as `marks` says."""
        clock = self.hand.clock()
        for name in NAMES:
            mark = marks.get(name, 100.0)
            quote = Quote(EXCHANGES[name].control_symbol, mark, 100.0, 0.0001, SETTLES, TIME)
            feed = replace(feed_at(clock), exchange=name)
            with closing(Writer(self.path, feed)) as writer:
                writer.write(feed, [(quote, clock.wall(), clock.uptime())])

    @contextmanager
    def checkers(self, schedule: Schedule) -> Iterator[RestCheckers]:
        made = RestCheckers(self.settings, schedule, self.hand.clock())
        made.start()
        try:
            yield made
        finally:
            made.stop()

    def compared(self, where: str = "1") -> set[tuple[Any, ...]]:
        return set(
            rows(self.path, f"SELECT exchange, symbol, outcome FROM comparison WHERE {where}")
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with scripted(hangs) as server:
        yield World(tmp_path, server)


def matches(*names: str) -> set[tuple[str, str, str]]:
    return {(name, EXCHANGES[name].control_symbol, "match") for name in names}


def test_control_symbol_of_each_exchange_is_compared(world: World) -> None:
    with world.checkers(Schedule(60.0)) as checkers:
        until(lambda: world.compared() == matches(*NAMES), "all exchanges")
        checkers.check()
        latest = [checkers.latest(name)() for name in NAMES]
    assert [found.problem for found in latest if found is not None] == [""] * len(NAMES)
    usage = rows(world.path, "SELECT exchange, route, weight FROM rest_usage ORDER BY exchange")
    assert usage == [
        ("backpack", "markPrices", 1),
        ("binance", "premiumIndex", 1),
        ("binance-coinm", "dapi/premiumIndex", 10),
        ("hyperliquid", "metaAndAssetCtxs", 20),
        ("kucoin", "contracts", 3),
    ]


def test_all_symbols_of_each_exchange_are_compared_and_a_control_is_planted(world: World) -> None:
    world.write(kucoin=102.0)
    with world.checkers(Schedule(0.0, 600.0, plants=True)) as checkers:
        planted = "source = 'control' AND outcome = 'significant'"
        until(lambda: len(world.compared(planted)) == len(NAMES), "the controls")
        wrong = "outcome = 'significant' AND source = 'watchdog'"
        until(lambda: len(world.compared("source = 'watchdog'")) > len(NAMES), "the comparisons")
        checkers.check()
    assert world.compared(wrong) == {("kucoin", "XBTUSDTM", "significant")}
    text = "SELECT detail FROM event WHERE kind = 'significant'"
    assert rows(world.path, text) == [("kucoin: XBTUSDTM mark_price: stream 102.0, REST 100.0",)]


def test_exchange_that_hangs_or_refuses_is_nobody_elses_trouble(world: World) -> None:
    world.bad = {"contracts": hangs, "markPrices": sends(reply(418, Retry_After="900"))}
    others = [name for name in NAMES if name not in ("kucoin", "backpack")]
    with world.checkers(Schedule(60.0)) as checkers:
        until(lambda: checkers.latest("backpack")() is not None, "the refusal")
        until(lambda: world.compared() == matches(*others), "the others")
        found = checkers.latest("backpack")()
    assert found is not None
    assert "418" in found.problem
    banned = rows(world.path, "SELECT DISTINCT source FROM event WHERE kind = 'rest-pause'")
    assert banned == [("watchdog",)]


def test_waiting_for_the_first_results_ends_for_all_at_once(world: World) -> None:
    world.bad = {"/": hangs}
    checkers = RestCheckers(world.settings, Schedule(60.0), world.hand.clock())
    checkers.wait_for_first(0.0)  # no thread has begun
    problems = [checkers.latest(name)() for name in NAMES]
    assert {found.reachable for found in problems if found is not None} == {False}
    assert checkers.exchange_offset("binance")() is None
