"""What is normal for each symbol, read where it has changed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from funding.store.normals import Normals, SymbolNormal
from funding.store.writer import Writer
from tests.support.statistics_rows import SAMPLE, add_contract, add_statistics
from tests.support.store import feed_of, plainly, quote, received, writing


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    with writing(path) as made:
        made.write(feed_of(), received(quote(), quote("ETHUSDT")))
        yield made


def changed(normals: Normals, most: int = 9) -> dict[str, SymbolNormal]:
    return {each.symbol: each for each in normals.changed(most)}


def test_statistics_and_contract_together(path: Path, writer: Writer) -> None:
    add_contract(path)
    add_statistics(path)
    found = changed(Normals("binance", writer.rows))
    known = found["BTCUSDT"].normal
    assert known[:3] == (1.25e-5, 1.25e-5, 8)
    assert list(known.quantiles) == SAMPLE
    assert (known.reason, found["BTCUSDT"].trades) == (None, True)
    assert found["ETHUSDT"].normal.reason == "it is not known whether the contract trades"
    assert not found["ETHUSDT"].trades
    assert changed(Normals("kucoin", writer.rows)) == {}


def test_only_what_has_changed_is_read_again(path: Path, writer: Writer) -> None:
    normals = Normals("binance", writer.rows)
    assert len(changed(normals)) == 2
    assert changed(normals) == {}
    add_contract(path)
    assert list(changed(normals)) == ["BTCUSDT"]
    add_statistics(path)
    assert list(changed(normals)) == ["BTCUSDT"]
    add_statistics(path, computed_at=2.0, deviation=None)
    assert changed(normals)["BTCUSDT"].normal.reason == "all settled rates are equal"
    add_contract(path, status="CLOSED")
    assert not changed(normals)["BTCUSDT"].trades


def test_at_most_so_many_at_once(path: Path, writer: Writer) -> None:
    normals = Normals("binance", writer.rows)
    assert [len(changed(normals, 1)) for _ in range(3)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("interval_changed_at = 2", "the interval or the base rate has just changed"),
        ("base_changed_at = 2", "the interval or the base rate has just changed"),
        ("interval_changed_at = 0.5", None),
        ("funding_interval_hours = NULL", "the interval is not known"),
    ],
)
def test_contract_that_has_changed_since(
    path: Path, writer: Writer, change: str, reason: str | None
) -> None:
    add_contract(path)
    add_statistics(path)
    with closing(plainly(path)) as plain:
        plain.execute(f"UPDATE contract SET {change}")
    assert changed(Normals("binance", writer.rows))["BTCUSDT"].normal.reason == reason


def test_reason_of_the_statistics_stands(path: Path, writer: Writer) -> None:
    add_contract(path)
    add_statistics(path, reason="9 settled rates of 10")
    assert (
        changed(Normals("binance", writer.rows))["BTCUSDT"].normal.reason == "9 settled rates of 10"
    )


def test_interval_of_witnessed_steps_where_the_exchange_gave_none(
    path: Path, writer: Writer
) -> None:
    add_contract(path, hours=None)
    add_statistics(path)
    with closing(plainly(path)) as plain:
        plain.execute("UPDATE quote SET funding_interval_hours = 4")
    assert changed(Normals("binance", writer.rows))["BTCUSDT"].normal.interval == 4


def test_whether_others_wrote(path: Path, writer: Writer) -> None:
    assert writer.others_wrote()
    assert not writer.others_wrote()
    writer.write(feed_of(), received(quote("NEWUSDT")))
    assert not writer.others_wrote()
    add_contract(path)
    assert writer.others_wrote()


def test_mark_of_what_may_have_changed(path: Path, writer: Writer) -> None:
    normals = Normals("binance", writer.rows)
    assert normals.may_have_changed()
    assert not normals.may_have_changed()
    add_contract(path)
    assert normals.may_have_changed()
    add_statistics(path)
    assert normals.may_have_changed()
    add_statistics(path, computed_at=2.0)
    assert normals.may_have_changed()
    assert not normals.may_have_changed()
