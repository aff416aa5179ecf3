"""The exchange's list of contracts."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.report_world import DATED, TRADFI, tamper
from validation.exchanges import BINANCE, EXCHANGES
from validation.read.contracts import contracts_of


def test_contracts_have_a_status_and_unknown_is_what_is_not_listed(world: Path) -> None:
    tamper(world, "UPDATE contract SET status = 'SETTLING' WHERE symbol = 'COIN1USDT';")
    with closing(sqlite3.connect(world)) as connection:
        contracts = contracts_of(connection, BINANCE)
        assert not contracts_of(connection, EXCHANGES["kucoin"]).listed
    statuses = [contracts.status(s) for s in ("COIN1USDT", "BTCUSDT", "NEWUSDT")]
    assert statuses == ["SETTLING", "TRADING", "UNKNOWN"]
    assert len(contracts.trading) == 29
    markets = [contracts.never_closes(s) for s in ("BTCUSDT", DATED, TRADFI[0], "COIN1USDT")]
    assert markets == [True, False, False, False]


def test_older_database_has_no_list() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        contracts = contracts_of(connection, BINANCE)
    assert not contracts.listed
    assert contracts.trading == set()
    assert contracts.status("BTCUSDT") == "UNKNOWN"
