"""Settled rates of Binance, page after page: a page size never changes what is found."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.errors import RestGarbled, RestRefused
from funding.exchanges.binance.history import BAR_ROWS, FEWEST_ROWS, History, mark_bars
from funding.exchanges.exchange import Request
from funding.model.bar import Bar
from tests.support.conversations import asked

HOUR = 3_600_000
REFUSED = RestRefused(400, -1130, "Data sent for parameter 'limit' is not valid.")


def request(route: str, **parameters: str) -> Request:
    return Request(route, f"https://rest.test/{route}", 0, parameters)


def row(time: int, symbol: str = "BTCUSDT", kind: str = "Regular") -> dict[str, Any]:
    rate = f"{time % 977 / 1e6:.8f}"
    return {"symbol": symbol, "fundingTime": time, "fundingRate": rate, "rateType": kind}


class Far:
    """The exchange's side: `rows`, at most `largest` of them a page."""

    def __init__(self, rows: list[dict[str, Any]], largest: int = 1_000) -> None:
        self.rows = sorted(rows, key=lambda each: each["fundingTime"])
        self.largest = largest
        self.limits: list[int] = []

    def __call__(self, made: Request) -> Any:
        since, until, limit = (int(made.parameters[k]) for k in ("startTime", "endTime", "limit"))
        self.limits.append(limit)
        if limit > self.largest:
            raise REFUSED
        found = [each for each in self.rows if since <= each["fundingTime"] <= until]
        if "symbol" in made.parameters:
            found = [each for each in found if each["symbol"] == made.parameters["symbol"]]
        return found[:limit]


def keys(rows: list[Any]) -> list[tuple[Any, ...]]:
    return sorted((each.symbol, each.funding_time, each.rate_type) for each in rows)


times = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 2), st.sampled_from(("Regular", "Special"))),
    unique=True,
    max_size=60,
)


@given(times, st.integers(3, 70))
def test_page_size_never_changes_what_is_found(found: list[Any], size: int) -> None:
    """Also where a page ends between a Regular and a Special row of one time."""
    rows = [row(hour * HOUR + jitter, kind=kind) for hour, jitter, kind in found]
    history = History(request, size)
    got, _ = asked(history.of("BTCUSDT", 0, 61 * HOUR), Far(rows))
    assert keys(got) == sorted(("BTCUSDT", each["fundingTime"], each["rateType"]) for each in rows)


def test_bounds_are_included() -> None:
    rows = [row(hour * HOUR) for hour in range(10)]
    got, _ = asked(History(request).of("BTCUSDT", 2 * HOUR, 5 * HOUR), Far(rows))
    assert [each.funding_time // HOUR for each in got] == [2, 3, 4, 5]


def test_refused_limit_is_halved_for_good() -> None:
    far = Far([row(hour * HOUR) for hour in range(300)], largest=130)
    history = History(request)
    got, _ = asked(history.of("BTCUSDT", 0, 400 * HOUR), far)
    assert len(got) == 300
    assert far.limits[:5] == [1_000, 500, 250, 125, 125]
    far.limits.clear()
    asked(history.of("BTCUSDT", 0, 400 * HOUR), far)
    assert set(far.limits) == {125}


@pytest.mark.parametrize(
    ("code", "largest", "calls"), [(-1121, 1, 1), (-1130, 1, 8)], ids=["other", "no page at all"]
)
def test_other_refusals_are_raised(code: int, largest: int, calls: int) -> None:
    limits = []

    def far(made: Request) -> Any:
        limits.append(int(made.parameters["limit"]))
        raise RestRefused(400, code, "no")

    with pytest.raises(RestRefused):
        asked(History(request).of("BTCUSDT", 0, HOUR), far)
    assert len(limits) <= calls
    assert min(limits) >= FEWEST_ROWS // 2


def test_all_contracts_at_once_over_pages_that_end_within_a_settlement() -> None:
    rows = [
        row(hour * HOUR + number % 4, f"S{number}USDT") for hour in range(6) for number in range(40)
    ]
    got, requests = asked(History(request, 30).of_all(0, 6 * HOUR), Far(rows))
    assert len(got) == 240
    assert all("symbol" not in made.parameters for made in requests)


def test_a_page_of_one_ms_ends_the_question_instead_of_repeating_it() -> None:
    rows = [row(HOUR, f"S{number}USDT") for number in range(40)]
    got, requests = asked(History(request, 30).of_all(0, 2 * HOUR), Far(rows))
    assert (len(got), len(requests)) == (30, 2)


@pytest.mark.parametrize("name", ["BTCUSDT", "SOLUSDT"])
def test_recorded_replies(name: str, recorded: Path) -> None:
    body = (recorded / "binance" / f"fundingRate_{name}_limit20_2026-07-04.json").read_bytes()
    plain = json.loads(body)
    got, _ = asked(History(request).of(name, 0, 9_999_999_999_999), lambda _: body)
    assert [each.funding_time for each in got] == [each["fundingTime"] for each in plain]
    assert [each.rate for each in got] == [float(each["fundingRate"]) for each in plain]


KLINES = [[60_000 * n, "1.5", "2.5", "0.5", "2.0", "0", 60_000 * n + 59_999, "0"] for n in range(5)]


def test_mark_bars_are_bars_without_quotes() -> None:
    got, (made,) = asked(mark_bars(request, "binance", "BTCUSDT", 60, 180), lambda _: KLINES)
    assert [each.start for each in got] == [60, 120, 180]
    assert got[0] == Bar("binance", "BTCUSDT", 60, 60, 1.5, 2.5, 0.5, 2.0, None, None, 0)
    assert (made.route, made.parameters["interval"]) == ("markPriceKlines", "1m")


def test_mark_bars_are_asked_for_page_by_page() -> None:
    def far(made: Request) -> Any:
        first, last = int(made.parameters["startTime"]), int(made.parameters["endTime"])
        opened = range(first, last + 1, 60_000)[: int(made.parameters["limit"])]
        return [[at, "1", "1", "1", "1", "0", at + 59_999, "0"] for at in opened]

    got, requests = asked(mark_bars(request, "binance", "BTCUSDT", 0, 249 * 60), far)
    assert [each.start for each in got] == [60 * n for n in range(250)]
    assert len(requests) == 3


@pytest.mark.parametrize("bad", [{0: 61_000}, {1: "0"}, {4: "nan"}])
def test_bars_of_another_form_are_refused(bad: dict[int, Any]) -> None:
    kline = [bad.get(place, value) for place, value in enumerate(KLINES[1])]
    with pytest.raises(RestGarbled):
        asked(mark_bars(request, "binance", "BTCUSDT", 0, 600), lambda _: [kline])


def test_pages_of_mark_bars_that_do_not_go_on_are_the_last() -> None:
    old = [[60_000 * minute, "1", "1", "1", "1", "0", 0, "0"] for minute in range(BAR_ROWS)]
    got, requests = asked(
        mark_bars(request, "binance", "BTCUSDT", BAR_ROWS * 60, BAR_ROWS * 120), lambda _: old
    )
    assert (got, len(requests)) == ([], 1)
