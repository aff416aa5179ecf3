"""What a quote and a batch look like on the wire."""

import csv
from math import inf
from typing import Any

import msgspec
import pytest

from funding.api.parameters import MAX_SHOWN
from funding.api.quotes import COLUMNS, Snapshot, row, stored
from funding.model.contract import ContractStatus
from funding.model.feed import StoredQuote
from funding.model.quote import Source

BTC = StoredQuote(
    exchange="binance",
    symbol="BTCUSDT",
    mark_price=91897.67414493,
    index_price=91930.87652174,
    funding_rate=0.00001864,
    next_funding_time=1764748800000,
    event_time=1764725610000,
    updated_at=1764725610.1634,
    age_seconds=1.9004,
    status=ContractStatus.TRADING,
    funding_interval_hours=8,
    interval_source="exchange",
    z_score=-1.5,
    percentile=12.5,
    zone="normal",
    source=Source.REST,
)
CONTRACT = {
    "symbol": "BTCUSDT",
    "markPrice": 91897.67414493,
    "fundingRate": 0.00001864,
    "nextFundingTime": 1764748800000,
    "indexPrice": 91930.87652174,
    "updatedAt": 1764725610.163,
    "ageSeconds": 1.9,
    "lastUpdateTime": 1764725610,
    "eventTime": 1764725610000,
    "exchange": "binance",
    "status": "TRADING",
    "fundingIntervalHours": 8,
    "intervalSource": "exchange",
    "annualizedRate": 0.0204108,
    "zScore": -1.5,
    "zReason": None,
    "percentile": 12.5,
    "zone": "normal",
    "source": "rest",
}


def quote(symbol: str, age: float = 1.0) -> StoredQuote:
    """A quote of `symbol` that is `age` seconds old."""
    return StoredQuote("binance", symbol, 2.0, 2.0, None, None, 1, 1.0, age)


def test_a_row_is_that_of_the_contract() -> None:
    text = msgspec.json.encode(row(BTC))
    assert msgspec.json.decode(text) == CONTRACT
    assert list(msgspec.json.decode(text)) == list(CONTRACT)


def test_no_funding_is_null() -> None:
    shown = msgspec.json.decode(msgspec.json.encode(row(quote("BTCUSDT_260925"))))
    assert (shown["fundingRate"], shown["nextFundingTime"]) == (None, None)
    assert (shown["fundingIntervalHours"], shown["annualizedRate"]) == (None, None)


def test_no_index_price_is_null() -> None:
    without = msgspec.structs.replace(BTC, index_price=0.0)
    shown = row(without)
    assert msgspec.json.decode(msgspec.json.encode(shown)) == CONTRACT | {"indexPrice": None}
    assert stored(shown).index_price == 0.0
    table = Snapshot([without], 180.0, 0.0).table(0.0).decode()
    assert table.splitlines()[1].split(",")[:6] == [
        "BTCUSDT", "91897.67414493", "1.864e-05", "1764748800000", "", "1764725610.163"
    ]  # fmt: skip


def test_a_missing_z_score_has_a_reason() -> None:
    for reason, said in ((None, "not worked out yet"), ("10 samples", "10 samples")):
        unknown = msgspec.structs.replace(BTC, z_score=None, z_reason=reason)
        assert (row(unknown).z_score, row(unknown).z_reason) == (None, said)
    assert row(msgspec.structs.replace(BTC, z_score=0.0, z_reason="old")).z_reason is None


def test_a_rate_without_an_interval_is_not_annualised() -> None:
    unknown = msgspec.structs.replace(BTC, funding_interval_hours=None, interval_source=None)
    assert row(unknown).annualized_rate is None
    assert row(BTC).annualized_rate == pytest.approx(0.00001864 * 3 * 365)


@pytest.mark.parametrize(("age", "stale"), [(0.0, False), (180.0, False), (180.001, True)])
def test_a_row_says_whether_it_is_stale_where_that_is_asked(age: float, stale: bool) -> None:
    shown = msgspec.json.decode(msgspec.json.encode(row(quote("X", age), 180.0)))
    assert shown["stale"] is stale
    assert "stale" not in msgspec.json.decode(msgspec.json.encode(row(quote("X", age))))


def snapshot(*quotes: StoredQuote) -> Snapshot:
    """Those, read at uptime 50 and with a limit of 180 s."""
    return Snapshot(quotes, 180.0, 50.0)


@pytest.mark.parametrize("elapsed", [0.0, 0.0625, 90.5])
def test_a_snapshot_shows_each_row_with_its_age_by_now(elapsed: float) -> None:
    ages = {
        "OLD": inf,
        "AUSDT": 1.0,
        "B": 500.25,
        '","ageSeconds":0.0,"\0': 1.0,
        "币安人生USDT": 0.0,
    }
    made = snapshot(*(quote(symbol, age) for symbol, age in ages.items()))
    rows = [row(quote(symbol, age + elapsed), 180.0) for symbol, age in ages.items()]
    for _ in range(2):
        assert made.all(50.0 + elapsed) == msgspec.json.encode({"data": rows, "total": 5})
        shown = msgspec.json.decode(made.batch(list(ages), 50.0 + elapsed))
        assert shown["data"] == msgspec.json.decode(msgspec.json.encode(rows))


def test_an_empty_snapshot() -> None:
    assert snapshot().all(51.0) == b'{"data":[],"total":0}'
    assert snapshot().is_current(9_049.0)


@pytest.mark.parametrize(
    ("uptime", "current"),
    [(50.0, True), (130.0, True), (131.0, False)],  # when BUSDT is stale
)
def test_a_snapshot_is_current_until_a_quote_turns_stale(uptime: float, current: bool) -> None:
    made = snapshot(quote("AUSDT", 7.0), quote("BUSDT", 100.0), quote("CUSDT", 200.0))
    assert made.is_current(uptime) is current


def test_a_quote_at_the_limit_is_fresh_for_that_moment_only() -> None:
    made = snapshot(quote("AUSDT", 180.0))
    assert made.is_current(50.0)
    assert not made.is_current(50.001)


def answer(asked: list[str], *quotes: StoredQuote) -> Any:
    """To a batch, at once."""
    return msgspec.json.decode(snapshot(*quotes).batch(asked, 50.0))


def test_a_batch_keeps_the_order_asked_and_names_what_it_cannot_serve() -> None:
    quotes = [quote("AUSDT"), quote("BUSDT", 500.0), quote("币安人生USDT")]
    shown = answer(["币安人生usdt", "nope", "busdt", "AUSDT", "nope2"], *quotes)
    rows = shown.pop("data")
    assert [each["symbol"] for each in rows] == ["币安人生USDT", "BUSDT", "AUSDT"]
    assert [each["stale"] for each in rows] == [False, True, False]
    assert shown == {
        "found": 3,
        "missing": 2,
        "total": 5,
        "missingSymbols": ["nope", "nope2"],
        "staleSymbols": ["BUSDT"],
    }


def test_a_symbol_asked_twice_is_there_twice() -> None:
    shown = answer(["a", "A", "b", "b"], quote("A"))
    assert [each["symbol"] for each in shown["data"]] == ["A", "A"]
    assert (shown["found"], shown["missing"], shown["total"]) == (2, 2, 4)
    assert shown["missingSymbols"] == ["b", "b"]


def test_a_long_name_is_not_repeated_in_full() -> None:
    assert answer(["x" * 5_000])["missingSymbols"] == ["x" * MAX_SHOWN]


def test_an_empty_batch() -> None:
    shown = answer([], quote("A"))
    assert (shown["data"], shown["found"], shown["missing"], shown["total"]) == ([], 0, 0, 0)


def lines(table: bytes) -> list[list[str]]:
    """The lines of CSV after its header, which must be that of a row."""
    header, *rest = csv.reader(table.decode().splitlines())
    assert header == COLUMNS == [*CONTRACT, "stale"]
    return rest


def test_a_snapshot_as_csv() -> None:
    made = snapshot(BTC, quote("OLD", inf), quote("币安人生USDT", 500.0))
    made.all(51.0)  # leaves no trace in what follows
    btc, old, chinese = lines(made.table(50.5))
    shown = {key: value for key, value in zip(COLUMNS, btc, strict=True) if value}
    assert shown == {
        **{key: str(value) for key, value in CONTRACT.items() if value is not None},
        "fundingRate": "1.864e-05",
        "ageSeconds": "2.4",
        "stale": "false",
    }
    assert (old[COLUMNS.index("ageSeconds")], old[-1]) == ("", "true")
    assert (chinese[0], chinese[COLUMNS.index("ageSeconds")]) == ("币安人生USDT", "500.5")


def test_a_batch_as_csv_has_a_line_for_each_symbol_asked() -> None:
    made = snapshot(quote("AUSDT"), quote("BUSDT"))
    rows = lines(made.batch_table(["busdt", "no,pe", "AUSDT", "x" * 500, "AUSDT"], 50.0))
    asked = ["BUSDT", "no,pe", "AUSDT", "x" * MAX_SHOWN, "AUSDT"]
    assert [each[0] for each in rows] == asked
    assert [any(each[1:]) for each in rows] == [True, False, True, False, True]


def test_one_symbol_on_two_exchanges() -> None:
    other = msgspec.structs.replace(BTC, exchange="kucoin")
    shown = answer(["btcusdt", "NO"], BTC, quote("A"), other)
    assert [each["exchange"] for each in shown["data"]] == ["binance", "kucoin"]
    assert (shown["found"], shown["missing"], shown["total"]) == (2, 1, 2)
