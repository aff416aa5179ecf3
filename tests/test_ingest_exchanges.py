"""Ingest programs of all exchanges as processes, fed by the stand-in with its traps."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from funding.store.damage import lock_path
from harness.processes import running, until
from harness.stand_in import StandIn, stand_in
from tests.conftest import ROOT
from tests.support.clock import rows

EVERY = ("binance", "kucoin", "hyperliquid", "backpack")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with stand_in(tmp_path_factory.mktemp("exchange"), "--tick", "0.2") as exchange:
        yield exchange


@pytest.fixture
def exchange(shared: StandIn) -> Iterator[StandIn]:
    yield shared
    for name in EVERY[1:]:
        shared.order(f"{name}/faults", "DELETE")


class Group:
    """Ingests of one database."""

    def __init__(self, folder: Path, exchange: StandIn) -> None:
        self.database = folder / "funding.db"
        self._folder = folder
        self._settings: dict[str, object] = {
            "FUNDING_DB": self.database,
            "FUNDING_WS_URL": exchange.ws_url,
            "FUNDING_REST_URL": exchange.rest_url,
            "FUNDING_HYPERLIQUID_DEXES": "*",
            **exchange.venue_settings,
        }

    @contextmanager
    def running(self, *names: str, **settings: object) -> Iterator[None]:
        """These exchanges' ingests while the block runs."""
        with ExitStack() as stack:
            for name in names:
                command: list[str | Path] = [sys.executable, ROOT / "ingest.py", "--exchange", name]
                values = {**self._settings, **settings}
                stack.enter_context(running(command, self._folder / name, settings=values))
            yield

    def value(self, statement: str) -> object:
        """The one value of a query; None while there is no table or no row."""
        if not lock_path(self.database).exists() or not self.database.exists():
            return None
        if not rows(self.database, "SELECT 1 FROM sqlite_schema WHERE name = 'feed'"):
            return None
        found = rows(self.database, statement)
        return found[0][0] if found else None

    def until(self, statement: str, what: str) -> object:
        """Wait until the value is true."""
        return until(lambda: self.value(statement), what)


@pytest.fixture
def group(tmp_path: Path, exchange: StandIn) -> Group:
    return Group(tmp_path, exchange)


def test_four_exchanges_are_kept_in_one_database(group: Group) -> None:
    with group.running(*EVERY):
        for name in EVERY:
            where = f"FROM quote WHERE exchange = '{name}' AND funding_rate IS NOT NULL"
            group.until(f"SELECT count(*) > 3 {where}", f"quotes of {name}")
            where = f"FROM feed WHERE exchange = '{name}'"
            group.until(f"SELECT connected AND accepted > 10 {where}", f"{name} flows")
            assert group.value(f"SELECT malformed + rejected {where}") == 0
    assert group.value("PRAGMA integrity_check") == "ok"
    assert group.value("SELECT count(*) FROM event WHERE kind = 'disconnect'") == 0


def test_unknown_coin_is_found_and_left_out(group: Group, exchange: StandIn) -> None:
    exchange.order("hyperliquid/faults", "POST", {"unknown_coins": ["ETH"]})
    with group.running("hyperliquid"):
        group.until("SELECT not_followed ->> 'ETH' FROM feed", "the coin is known")
        group.until("SELECT count(*) FROM quote WHERE symbol = 'BTC'", "the others flow")
        assert group.value("SELECT count(*) FROM quote WHERE symbol = 'ETH'") == 0


@pytest.mark.parametrize("fault", ["dex_fails", "dex_gone"])
def test_builder_market_that_fails_costs_itself_alone(
    group: Group, exchange: StandIn, fault: str
) -> None:
    exchange.order("hyperliquid/faults", "POST", {fault: True})
    with group.running("hyperliquid", FUNDING_HYPERLIQUID_DEXES="xyz"):
        group.until("SELECT connected FROM feed", "the main market flows")
        group.until("SELECT not_followed ->> 'xyz' FROM feed", "the reason")
        assert group.value("SELECT count(*) FROM quote WHERE symbol LIKE 'xyz:%'") == 0


def test_classic_stream_is_used_where_push_refuses(group: Group, exchange: StandIn) -> None:
    exchange.order("kucoin/faults", "POST", {"refuse_push": True})
    with group.running("kucoin"):
        where = "FROM quote WHERE funding_rate IS NOT NULL AND next_funding_time IS NOT NULL"
        group.until(f"SELECT count(*) > 3 {where}", "quotes by the classic stream")
        group.until(
            "SELECT count(*) FROM event WHERE kind = 'notice' AND detail LIKE '%another one%'",
            "the event",
        )


def test_connection_that_is_lost_gets_a_new_token(group: Group, exchange: StandIn) -> None:
    with group.running("kucoin", FUNDING_KUCOIN_FEED="classic"):
        group.until("SELECT connected FROM feed", "quotes")
        exchange.order("kucoin/faults", "POST", {"close": {"code": 1000}})
        group.until("SELECT count(*) FROM event WHERE kind = 'disconnect'", "the end")
        again = "SELECT sum(count) > 1 FROM event WHERE kind = 'connect'"
        group.until(again, "the next connection")
        group.until("SELECT connected FROM feed", "quotes again")


def test_coin_margined_quotes_come_over_the_connection_of_binance(group: Group) -> None:
    with group.running("binance", FUNDING_EXCHANGES="binance,binance-coinm"):
        for name in ("binance", "binance-coinm"):
            where = f"WHERE exchange = '{name}'"
            group.until(f"SELECT connected AND accepted > 5 FROM feed {where}", name)
        symbols = "SELECT count(*) FROM quote WHERE exchange = 'binance-coinm' AND symbol"
        group.until(f"{symbols} GLOB '*USD_*'", "its contracts")
        assert group.value(f"{symbols} NOT GLOB '*USD_*'") == 0
        assert group.value("SELECT count(*) FROM event WHERE kind = 'connect'") == 1
