"""The newest quote: never back in time, whoever sends it; its age goes on."""

from math import inf
from typing import Any

import pytest

from funding.model import quote as model
from funding.nats import latest
from funding.nats.clocks import TakerClocks
from funding.nats.latest import RETIRE_SECONDS, LatestQuotes
from tests.support.published import SENT, quote

UP = 5_000.0


@pytest.fixture
def table() -> LatestQuotes:
    return LatestQuotes(TakerClocks())


def offer(table: LatestQuotes, uptime: float = UP, **of: Any) -> bool:
    """A quote that is here at once, by clocks that agree."""
    wall = SENT + uptime - UP
    return table.offer(quote(**{"sent_at": wall} | of), wall=wall, uptime=uptime)


def age(table: LatestQuotes, uptime: float, symbol: str = "BTCUSDT") -> float:
    found = table.one("binance", symbol, wall=SENT + uptime - UP, uptime=uptime)
    assert found is not None
    return found.age_seconds


def mark(table: LatestQuotes, symbol: str = "BTCUSDT") -> float | None:
    found = table.one("binance", symbol, wall=SENT, uptime=UP)
    return None if found is None else found.mark_price


def test_a_quote_ages_here_from_the_age_that_it_came_with(table: LatestQuotes) -> None:
    assert offer(table, age=0.5)
    assert age(table, UP) == 0.5
    assert age(table, UP + 100) == 100.5


def test_symbols_do_not_regard_ascii_case(table: LatestQuotes) -> None:
    offer(table, symbol="kPEPE")
    assert age(table, UP, "KPEPE") == age(table, UP, "kpepe") == 0.5
    assert [each.symbol for each in table.all("binance", wall=SENT, uptime=UP)] == ["kPEPE"]
    assert table.one("binance", "PEPE", wall=SENT, uptime=UP) is None
    assert table.one("kucoin", "kPEPE", wall=SENT, uptime=UP) is None


@pytest.mark.parametrize("taker", ["one", "two"])
def test_no_quote_goes_back_in_time(table: LatestQuotes, taker: str) -> None:
    assert offer(table, tick=2, mark=2.0)
    assert not offer(table, tick=1, mark=1.0, taker=taker)
    assert not offer(table, tick=2, mark=1.0, taker=taker)
    assert mark(table) == 2.0
    assert offer(table, tick=3, mark=3.0, taker=taker)
    assert mark(table) == 3.0


def test_what_lies_in_the_future_is_replaced(table: LatestQuotes) -> None:
    """An event time that no clock has reached would freeze its symbol."""
    offer(table, tick=1_000, mark=2.0)
    assert offer(table, tick=0, mark=1.0)
    assert mark(table) == 1.0


def test_a_clock_of_ours_that_lags_lets_nothing_go_back(table: LatestQuotes) -> None:
    """By that clock the newer one lies in the future."""
    wall = SENT - 3_600
    assert table.offer(quote(tick=60, sent_at=SENT + 60), wall=wall, uptime=UP)
    assert not table.offer(quote(tick=0, sent_at=SENT + 60), wall=wall, uptime=UP)


def test_a_late_joiner_sees_the_true_age(table: LatestQuotes) -> None:
    """The bucket's value was put there 40 s ago."""
    table.offer(quote(sent_at=SENT, age=1.5), wall=SENT + 40, uptime=UP)
    found = table.one("binance", "BTCUSDT", wall=SENT + 42, uptime=UP + 2)
    assert found is not None
    assert found.age_seconds == 43.5


def test_an_unknown_age_stays_unknown(table: LatestQuotes) -> None:
    offer(table, age=inf)
    assert age(table, UP + 5) == inf


def test_a_symbol_that_is_not_heard_of_for_a_day_is_gone(table: LatestQuotes) -> None:
    offer(table, symbol="OLD")
    offer(table, UP + 10, symbol="NEW")
    assert table.retire(UP + RETIRE_SECONDS) == []
    assert table.retire(UP + RETIRE_SECONDS + 5) == [("binance", "OLD")]
    assert table.names() == [("binance", "NEW")]


def test_invented_symbols_take_no_room(
    table: LatestQuotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latest, "MAX_SYMBOLS", 2)
    assert model.MAX_SYMBOLS > 2
    assert [offer(table, symbol=each) for each in ("A", "B", "C")] == [True, True, False]
    assert offer(table, symbol="A", tick=1)
