"""The command that fetches the past, over the stand-in exchange."""

import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.exchange import Options
from funding.history.contracts import update_contracts
from funding.model.quote import Quote
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import SYSTEM
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.rest_usage import RestUsage
from harness.processes import WAIT_SECONDS, finished, running, until
from harness.stand_in import StandIn, stand_in
from tests.conftest import ROOT
from tests.support.clock import rows, write

BACKFILL: list[str | Path] = [sys.executable, ROOT / "scripts" / "backfill.py"]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with stand_in(tmp_path_factory.mktemp("exchange")) as made:
        yield made


@pytest.fixture
def settings(exchange: StandIn, tmp_path: Path) -> dict[str, Any]:
    """A store with quotes and contracts; a demonstration that runs in this folder is not meant."""
    path = tmp_path / "funding.db"
    clock = SYSTEM
    with closing(DurableConnection(path)) as store, closing(Reader(path, "binance", clock)) as r:
        write(path, clock, [Quote("BTCUSDT", 1.0, 1.0, 0.0001, None, 7)])
        options, usage = Options("", exchange.rest_url), RestUsage(store)
        client = ExchangeClient(BINANCE, options, "test", usage=usage, clock=clock)
        write(path, clock, client.snapshot())
        update_contracts(r, store, client.contracts, clock.wall())
        client.close()
    (tmp_path / "no.env").touch(0o600)
    return {
        "FUNDING_DB": path,
        "FUNDING_REST_URL": exchange.rest_url,
        "FUNDING_ENV_FILE": tmp_path / "no.env",
    }


def counted(settings: dict[str, Any]) -> int:
    return int(rows(settings["FUNDING_DB"], "SELECT count(*) FROM funding_rate")[0][0])


def test_some_contracts_are_fetched_once(settings: dict[str, Any]) -> None:
    command = [*BACKFILL, "--days", "60", "--symbols", "BTCUSDT", "ETHUSDT"]
    first = finished(command, **settings)
    assert (first.returncode, first.stderr) == (0, "")
    assert "2 contracts, 360 settled rates of the last 60 days, 0 settlements" in first.stdout
    used = "SELECT sum(calls) FROM rest_usage WHERE caller = 'backfill'"
    before = rows(settings["FUNDING_DB"], used)
    assert finished(command, **settings).stdout == first.stdout
    assert rows(settings["FUNDING_DB"], used) == before, "nothing is asked for twice"
    assert (
        rows(settings["FUNDING_DB"], "SELECT count, reason FROM funding_stats") == [(90, None)] * 2
    )


def test_a_limit_that_is_refused_and_a_settlement_that_never_came(
    settings: dict[str, Any], exchange: StandIn
) -> None:
    now = int(SYSTEM.wall() * 1_000)
    gone = now - now % 28_800_000 - 10 * 28_800_000
    exchange.fault(history_limit=100, settle_missed={"BTCUSDT": gone})
    try:
        found = finished([*BACKFILL, "--days", "60", "--symbols", "btcusdt"], **settings)
    finally:
        exchange.order("faults", "DELETE")
    assert "1 contracts, 179 settled rates of the last 60 days, 1 settlements" in found.stdout
    assert rows(settings["FUNDING_DB"], "SELECT symbol, missing FROM funding_gap") == [
        ("BTCUSDT", 1)
    ]
    assert "INFO" not in found.stdout


def test_stopped_in_the_middle_it_goes_on(
    settings: dict[str, Any], exchange: StandIn, tmp_path: Path
) -> None:
    exchange.fault(rest_hang=0.05)
    command = [*BACKFILL, "--days", "30"]
    with running(command, tmp_path / "log", settings=settings) as process:
        until(lambda: counted(settings) > 200, "some rates")
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_SECONDS) == 130
    assert "goes on from here" in (tmp_path / "log").read_text("utf-8")
    exchange.order("faults", "DELETE")
    done = finished(command, **settings)
    assert done.returncode == 0
    times = "SELECT count(*), count(DISTINCT symbol || funding_time || rate_type) FROM funding_rate"
    ((count, different),) = rows(settings["FUNDING_DB"], times)
    assert count == different
    asked = rows(settings["FUNDING_DB"], "SELECT count(*) FROM backfill")[0][0]
    assert f"{asked} contracts, {count} settled rates" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--days", "0"], 2, "is not a number of days"),
        (["--symbols", "NOSUCHUSDT"], 1, "NOSUCHUSDT: not listed by binance"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    arguments: list[str], code: int, words: str, settings: dict[str, Any]
) -> None:
    found = finished([*BACKFILL, *arguments], **settings)
    assert found.returncode == code
    assert words in found.stderr.splitlines()[-1]
