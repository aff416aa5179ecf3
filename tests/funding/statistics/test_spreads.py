"""Which rates may be held against each other, and the widest spread."""

from collections.abc import Iterator

import pytest

from funding.statistics.spreads import Leg, Run, held_since, pairs, runs, unranked

BTC = Leg("binance", "BTCUSDT", 90_000.0, 0.00001)
XBT = Leg("kucoin", "XBTUSDTM", 90_100.0, 0.00003)
COIN = Leg("hyperliquid", "BTC", 90_050.0, -0.00001)


def test_the_widest_spread_comes_first() -> None:
    spreads, refused = pairs([BTC, XBT, COIN])
    assert spreads[0][:] == (XBT, COIN)
    assert {each[:] for each in spreads[1:]} == {(XBT, BTC), (BTC, COIN)}
    assert spreads[0].rate_hourly == pytest.approx(0.00004)
    assert refused == []


def test_two_contracts_of_one_exchange_are_no_pair() -> None:
    assert pairs([BTC, BTC._replace(symbol="BTCUSDC", rate_hourly=0.0)]) == ([], [])


@pytest.mark.parametrize("price", [90_000 * 1.21, 90_000 / 1.21, 4_500.0])
def test_prices_that_are_too_far_apart_are_of_two_assets(price: float) -> None:
    other = XBT._replace(mark_price=price)
    spreads, refused = pairs([BTC, other, COIN])
    assert [(each.first, each.second) for each in refused] == [(BTC, other), (other, COIN)]
    assert "two assets" in refused[0].reason
    assert [(each.high, each.low) for each in spreads] == [(BTC, COIN)]


@pytest.mark.parametrize("price", [90_000 * 1.1999, 90_000 / 1.1999])
def test_prices_within_a_fifth_are_of_one_asset(price: float) -> None:
    assert pairs([BTC, XBT._replace(mark_price=price)])[1] == []


def test_a_rate_that_is_not_ranked_is_in_no_pair() -> None:
    assert pairs([BTC, XBT._replace(unranked="its quote is stale")]) == ([], [])


@pytest.mark.parametrize(
    ("status", "stale", "rate", "words"),
    [
        ("TRADING", False, 0.0001, ""),
        (None, False, -0.04, ""),
        ("SETTLING", False, 0.0001, "SETTLING"),
        ("TRADING", True, 0.0001, "stale"),
        ("TRADING", False, None, "not known"),
        ("TRADING", False, 0.0401, "cap of 4.00%"),
        ("TRADING", False, -0.0401, "cap"),
    ],
)
def test_reasons_against_ranking(
    status: str | None, stale: bool, rate: float | None, words: str
) -> None:
    found = unranked(status, stale, rate, 0.04)
    assert (words in found) if words else found == ""


@pytest.mark.parametrize(
    ("differences", "since"),
    [
        ([], None),
        ([(60, -1.0)], None),
        ([(60, 1.0)], 60),
        ([(60, 1.0), (120, 0.0), (180, 1.0), (240, 2.0)], 180),
        ([(60, 1.0), (120, 2.0)], 60),
        ([(60, 1.0), (120, -2.0)], None),
    ],
)
def test_spread_is_held_since_it_last_turned(
    differences: list[tuple[float, float]], since: float | None
) -> None:
    assert held_since(differences) == since


A, B, C = ("binance", "BTCUSDT"), ("kucoin", "XBTUSDTM"), ("backpack", "BTC_USDC_PERP")


def test_runs_go_back_to_where_the_sign_was_another() -> None:
    slices = [
        (500.0, {A: 2.0, B: 1.0}),
        (400.0, {A: 2.0}),
        (300.0, {A: 2.0, B: 1.0, C: 2.0}),
        (200.0, {A: 1.0, B: 1.0, C: 1.0}),
        (100.0, {A: 2.0, B: 1.0, C: 2.0}),
    ]
    found = runs(slices, [(A, B), (A, C), (B, C), (C, ("no", "bars"))])
    assert found == {(A, B): Run(1, 300.0), (A, C): Run(0, 100.0), (B, C): Run(-1, 300.0)}


def test_runs_read_no_further_than_they_must() -> None:
    def slices() -> Iterator[tuple[float, dict[tuple[str, str], float]]]:
        yield 2.0, {A: 1.0, B: 2.0}
        yield 1.0, {A: 2.0, B: 1.0}
        raise AssertionError

    assert runs(slices(), [(A, B)]) == {(A, B): Run(-1, 2.0)}
