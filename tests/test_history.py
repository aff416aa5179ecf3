"""The history program as a process, beside ingest, over the stand-in exchange."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest

import history
from funding import errors
from funding.exchanges.table import EXCHANGES
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import SYSTEM
from funding.settings.service import read
from funding.store.rest_usage import RestUsage
from funding.store.writer import Writer
from harness.processes import WAIT_SECONDS, finished, running, until
from harness.stand_in import StandIn, stand_in
from tests.conftest import ROOT
from tests.support.clock import rows
from tests.support.store import feed_of

HISTORY: list[str | Path] = [sys.executable, ROOT / "history.py"]
INGEST: list[str | Path] = [sys.executable, ROOT / "ingest.py"]


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[StandIn]:
    """Few symbols; its allowance of calls is whole."""
    (tmp_path / "exchange").mkdir()
    with stand_in(tmp_path / "exchange") as made:
        yield made


@dataclass
class Service:
    """The database, and the settings of both programs."""

    folder: Path
    settings: dict[str, object]

    def rows(self, statement: str) -> list[Any]:
        try:
            return rows(self.folder / "funding.db", statement)
        except (apsw.CantOpenError, apsw.SQLError):
            return []

    def count(self, table: str) -> int:
        found = self.rows(f"SELECT count(*) FROM {table}")
        return int(found[0][0]) if found else 0

    @contextmanager
    def history(self) -> Iterator[subprocess.Popen[bytes]]:
        with running(HISTORY, self.folder / "history.log", settings=self.settings) as process:
            yield process

    def complete(self) -> bool:
        """Whether everything was asked for, and all can be compared."""
        trading = "status = 'TRADING' AND funding_interval_hours IS NOT NULL"
        listed = self.count(f"contract WHERE {trading}")
        known = self.count("funding_stats WHERE reason IS NULL")
        return listed > 0 and listed == self.count("backfill") == known


@pytest.fixture
def service(exchange: StandIn, tmp_path: Path) -> Iterator[Service]:
    """Ingest at work."""
    folder = tmp_path / "var"
    folder.mkdir()
    settings: dict[str, object] = {
        "FUNDING_DB": folder / "funding.db",
        "FUNDING_WS_URL": exchange.ws_url,
        "FUNDING_REST_URL": exchange.rest_url,
    }
    with running(INGEST, folder / "ingest.log", settings=settings):
        yield Service(folder, settings)


WRONG_STEPS = """
SELECT symbol FROM (
    SELECT symbol, interval_hours,
        (funding_time - lag(funding_time) OVER (PARTITION BY symbol ORDER BY funding_time)
            + 1800000) / 3600000 AS step
    FROM funding_rate)
WHERE step <> interval_hours
"""


def test_everything_is_there_and_a_killed_program_goes_on(service: Service) -> None:
    """Killed as soon as there is something, and again later."""
    for least in (1, 500):
        with service.history() as process:
            until(lambda: service.count("funding_rate") >= least, "rates")  # noqa: B023
            process.kill()
            process.wait(WAIT_SECONDS)
    with service.history() as process:
        until(service.complete, "everything")
        assert service.rows(WRONG_STEPS) == [], "nothing is lost"
        usual = "SELECT DISTINCT round(julianday('now') - julianday(min(funding_time) / 1000,"
        assert service.rows(f"{usual} 'unixepoch')) FROM funding_rate GROUP BY symbol") == [(30.0,)]
        until(lambda: service.count("consumer WHERE name = 'history'"), "a sign of life")
        scored = "quote WHERE z_score IS NOT NULL AND zone IS NOT NULL"
        until(lambda: service.count(scored) > 20, "Z-scores")
        calls = service.rows("SELECT sum(calls) FROM rest_usage WHERE caller = 'history'")
        assert calls[0][0] < 450
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    assert service.count("event WHERE kind = 'missed-settlement'") == 0
    log = (service.folder / "history.log").read_text("utf-8")
    assert log.splitlines()[-1].endswith("INFO    history: stopped")
    assert "ERROR" not in log


def test_an_exchange_that_answers_429_is_left_alone_and_asked_again(
    service: Service, exchange: StandIn
) -> None:
    exchange.fault(rest_status=429, rest_retry_after=2)
    with service.history() as process:
        until(lambda: service.count("rest_ban"), "a pause")
        assert process.poll() is None
        exchange.order("faults", "DELETE")
        until(service.complete, "everything", 2 * WAIT_SECONDS)


def test_without_a_database_it_waits_and_a_wrong_setting_ends_it(tmp_path: Path) -> None:
    settings = {"FUNDING_DB": tmp_path / "none.db"}
    with running(HISTORY, tmp_path / "log", settings=settings) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    assert not (tmp_path / "none.db").exists()
    result = finished(HISTORY, FUNDING_HISTORY_DAYS="many")
    assert result.returncode == 2
    assert "FUNDING_HISTORY_DAYS" in result.stderr


def test_each_exchange_has_its_own_weight_and_binance_that_of_the_settings() -> None:
    settings, _ = read({"FUNDING_REST_WEIGHT": "77", "FUNDING_DB": "x.db"})
    assert settings.budget(EXCHANGES["binance"]) == 77
    assert settings.budget(EXCHANGES["kucoin"]) == EXCHANGES["kucoin"].limits.own


def test_history_leaves_weight_to_a_connection_that_begins(
    exchange: StandIn, tmp_path: Path
) -> None:
    names = {"FUNDING_DB": str(tmp_path / "funding.db"), **exchange.venue_settings}
    settings, kucoin = read(names)[0], EXCHANGES["kucoin"]
    with closing(Writer(tmp_path / "funding.db", feed_of("127.0.0.1"))):
        world = history.open_world(settings, kucoin)
        usage = RestUsage(world.store, kucoin.name)
        minute = int(SYSTEM.wall() // 60)
        for each in (minute, minute + 1):  # the next may begin meanwhile
            usage.spend("history", "funding-rates", kucoin.limits.own * 8 // 10, each, 10_000)
        with pytest.raises(errors.RestOverBudget):
            world.client.contracts()
        options = settings.options(kucoin.name)
        theirs = ExchangeClient(kucoin, options, "ingest", usage=usage, clock=SYSTEM)
        assert theirs.contracts()
        theirs.close()
        for one in (world.client, world.background, world.store, world.reader):
            one.close()
