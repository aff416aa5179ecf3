"""Settled rates, gaps, bars and signals as readers see them."""

from contextlib import closing
from pathlib import Path

from funding.model.bar import Bar
from funding.model.settlement import StoredSettlement
from funding.model.signal import Signal, SignalDirection, SignalKind, Zone
from funding.store import history_reader
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from tests.support.store import contract, plainly

RATE = StoredSettlement("binance", "BTCUSDT", 1_000, "Regular", 0.0001, 5.0, 8, "rest")
BAR = Bar("binance", "BTCUSDT", 60, 120, 1.0, 4.0, 0.5, 2.0, 2.5, 0.0001, 60)
SIGNAL = Signal(
    *(5.0, "binance", "BTCUSDT", SignalKind.ZONE, Zone.HIGH, SignalDirection.UP, 0.1, 2.5, "words")
)


def add(path: Path, table: str, *rows: tuple[object, ...]) -> None:
    with closing(plainly(path)) as connection:
        for row in rows:
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def test_the_newest_settled_rates_oldest_first(path: Path, reader: Reader) -> None:
    rows = [RATE._replace(funding_time=at) for at in (3_000, 1_000, 2_000, 500)]
    add(path, "funding_rate", *rows, RATE._replace(exchange="kucoin", funding_time=2_500))
    found = history_reader.settled_rates(reader, "btcusdt", 1_000, 10)
    assert found == [RATE._replace(funding_time=at) for at in (1_000, 2_000, 3_000)]
    assert history_reader.settled_rates(reader, "BTCUSDT", 0, 2) == found[1:]


def test_two_rates_of_one_time_keep_their_order(path: Path, reader: Reader) -> None:
    special = RATE._replace(rate_type="Special")
    add(path, "funding_rate", special, RATE)
    assert history_reader.settled_rates(reader, "BTCUSDT", 0, 10) == [RATE, special]


def test_gaps_that_reach_into_the_span(path: Path, reader: Reader) -> None:
    add(
        path,
        "funding_gap",
        ("binance", "BTCUSDT", 500, 1_500, 2, 1.0, 1.0),
        ("binance", "BTCUSDT", 100, 400, 1, 1.0, 1.0),
        ("kucoin", "BTCUSDT", 500, 1_500, 2, 1.0, 1.0),
    )
    assert history_reader.gaps(reader, "BTCUSDT", 1_000, 10) == [(500, 1_500, 2)]


def test_what_was_asked_for(path: Path, reader: Reader) -> None:
    assert history_reader.asked(reader, "BTCUSDT") is None
    add(path, "backfill", ("binance", "BTCUSDT", 10, 20, 1.0))
    assert history_reader.asked(reader, "btcusdt") == (10, 20)


def test_bars_of_one_period(path: Path, reader: Reader) -> None:
    rows = [BAR._replace(start=start) for start in (240, 60, 120)]
    add(path, "bar", *rows, BAR._replace(period=3_600, start=3_600))
    found = history_reader.bars(reader, "btcusdt", 60, 60.5, 10)
    assert found == [BAR._replace(start=start) for start in (120, 240)]
    assert history_reader.bars(reader, "BTCUSDT", 60, 0, 1) == found[1:]


def test_signals_newest_first(path: Path, reader: Reader) -> None:
    other = SIGNAL._replace(exchange="kucoin", at=6.0)
    add(path, "signal", (1, *SIGNAL), (2, *other), (3, *SIGNAL))
    assert history_reader.signals(reader, None, 0.0, 10) == [(2, other), (3, SIGNAL), (1, SIGNAL)]
    assert history_reader.signals(reader, "binance", 5.0, 1) == [(3, SIGNAL)]
    assert history_reader.signals(reader, "binance", 5.5, 10) == []


def test_the_name_of_a_symbol(path: Path, reader: Reader) -> None:
    assert history_reader.stored_name(reader, "btcusdt") == "BTCUSDT"
    assert history_reader.stored_name(reader, "ethusdt") is None
    with closing(DurableConnection(path)) as store:
        Contracts(store).replace("binance", [contract("ETHUSDT")])
    assert history_reader.stored_name(reader, "ethusdt") == "ETHUSDT"
