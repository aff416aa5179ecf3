"""The table of statistics."""

from contextlib import closing
from pathlib import Path

from funding.model.funding_stats import FundingStats
from funding.store.durable import DurableConnection
from funding.store.funding_stats import FundingStatsTable
from tests.support.store import writing

ROW = FundingStats(
    "binance", "BTCUSDT", 1e-5, 2e-6, 90, 1.0, 0.5, 1_764_000_000_000, 5.0, None, "[1,2]"
)


def test_a_row_takes_the_place_of_the_one_before(path: Path) -> None:
    with writing(path), closing(DurableConnection(path)) as store:
        table = FundingStatsTable(store)
        table.put([ROW, ROW._replace(symbol="ETHUSDT", mean=None, reason="no settled rate")])
        newer = ROW._replace(samples=91, computed_at=6.0)
        table.put([newer, ROW._replace(exchange="kucoin")])
        found = table.of("binance")
        assert (found["BTCUSDT"], found["ETHUSDT"].reason) == (newer, "no settled rate")
        assert set(table.of("kucoin")) == {"BTCUSDT"}
