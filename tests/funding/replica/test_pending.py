"""What waits to be stored: the last of each symbol, in our own time."""

from dataclasses import replace
from typing import Any

import pytest

from funding.model.contract import Contract, ContractStatus
from funding.replica.pending import Pending
from funding.replica.trail import TrailKind, TrailRow
from funding.store.replica_file import Changes
from tests.funding.replica.test_trail import COMPARISON, EVENT, SIGNAL
from tests.support.published import SENT, feed, quote

UP = 5_000.0
ORIGIN = "one", 7, SENT - 8


@pytest.fixture
def pending() -> Pending:
    return Pending("this boot")


def offer(pending: Pending, later: float = 0.0, sent_at: float | None = None, **of: Any) -> None:
    """A quote that is here `later` seconds after the first, at once where it does not say."""
    sent_at = SENT + later if sent_at is None else sent_at
    pending.quote(quote(sent_at=sent_at, **of), wall=SENT + later, uptime=UP + later)


def take(pending: Pending, later: float = 0.0) -> Changes:
    return pending.take(wall=SENT + later, uptime=UP + later)


def contract(symbol: str = "BTCUSDT") -> Contract:
    values = (ContractStatus.TRADING, None, "BTC", "USDT", 1.0, None, 8)
    return Contract("binance", symbol, *values, "exchange", None, None, SENT)


def test_only_the_last_quote_of_a_symbol_is_stored_and_once(pending: Pending) -> None:
    offer(pending, mark=1.0)
    offer(pending, 1, mark=2.0, tick=1)
    (received,) = take(pending, 1).quotes
    assert received.quote.mark_price == 2.0
    assert take(pending, 1).quotes == []


def test_receipt_is_in_our_uptime(pending: Pending) -> None:
    offer(pending, age=0.5)
    (received,) = take(pending, 2).quotes
    assert received.uptime == pytest.approx(UP - 0.5)


def test_a_quote_of_unknown_age_has_no_receipt(pending: Pending) -> None:
    offer(pending, age=float("inf"))
    (received,) = take(pending).quotes
    assert received.uptime is None


def test_quotes_get_older_when_a_clock_is_found_out(pending: Pending) -> None:
    """Our clock lags by an hour. The first quote was 40 s old, which only the second one tells."""
    pending.quote(quote("DEAD", sent_at=SENT - 40), wall=SENT - 3_600, uptime=UP)
    (first,) = pending.take(wall=SENT - 3_600, uptime=UP).quotes
    assert first.uptime == pytest.approx(UP - 0.5)
    pending.quote(quote(sent_at=SENT), wall=SENT - 3_600, uptime=UP)
    found = pending.take(wall=SENT - 3_600, uptime=UP).quotes
    uptimes = {each.quote.symbol: each.uptime for each in found}
    assert uptimes == {"BTCUSDT": pytest.approx(UP - 0.5), "DEAD": pytest.approx(UP - 40.5)}


def test_a_feed_row_is_that_of_this_machine(pending: Pending) -> None:
    pending.feed(feed(beat_age=0.25), UP)
    (row,) = take(pending, 1).feeds
    assert (row.boot_id, row.pid, row.address) == ("this boot", 0, "fstream.example")
    assert row.heartbeat_uptime == pytest.approx(UP - 0.25)
    assert row.started_uptime == pytest.approx(UP - 100)
    assert row.heartbeat_at == SENT - 0.25
    assert take(pending, 1).feeds == []


def test_quotes_before_a_heartbeat_have_a_feed_row_all_the_same(pending: Pending) -> None:
    """No age can be told without its boot."""
    offer(pending)
    (row,) = take(pending).feeds
    assert (row.exchange, row.boot_id, row.address) == ("binance", "this boot", "")
    offer(pending, 1, tick=1)
    assert take(pending, 1).feeds == []


def test_the_heartbeat_of_an_older_leadership_is_not_stored(pending: Pending) -> None:
    pending.feed(feed(taker="new", term=3, address="new"), UP)
    pending.feed(feed(taker="old", term=2, address="old"), UP)
    assert [row.address for row in take(pending).feeds] == ["new"]


def test_contracts_come_change_and_go(pending: Pending) -> None:
    pending.contract("binance", "BTCUSDT", contract())
    pending.contract("binance", "ETHUSDT", contract("ETHUSDT"))
    assert take(pending).contracts == [contract(), contract("ETHUSDT")]
    pending.contract("binance", "BTCUSDT", None)
    assert take(pending).gone_contracts == [("binance", "BTCUSDT")]


def test_what_is_not_listed_any_more_after_a_pause_is_gone(pending: Pending) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        pending.contract("binance", symbol, contract(symbol))
    take(pending)
    pending.contracts_whole([("binance", "ETHUSDT")])
    assert take(pending).gone_contracts == [("binance", "BTCUSDT")]


def test_rows_of_the_trail_by_kind(pending: Pending) -> None:
    pending.trail(TrailRow(1, TrailKind.SIGNAL, SIGNAL, ORIGIN))
    pending.trail(TrailRow(2, TrailKind.EVENT, EVENT, ORIGIN))
    pending.trail(TrailRow(3, TrailKind.COMPARISON, COMPARISON, ORIGIN))
    found = take(pending)
    assert found.signals == [(1, SIGNAL)]
    assert found.events == [(2, EVENT)]
    assert found.comparisons == [(3, COMPARISON)]
    assert not any(take(pending))


def test_a_stream_that_was_made_again_takes_its_rows_along(pending: Pending) -> None:
    pending.trail(TrailRow(8, TrailKind.EVENT, EVENT, ORIGIN))
    pending.trail(TrailRow(9, TrailKind.SIGNAL, SIGNAL, ORIGIN))
    pending.forget(TrailKind.EVENT)
    pending.trail(TrailRow(1, TrailKind.EVENT, EVENT, ORIGIN))
    found = take(pending)
    assert found.forgotten == ["event"]
    assert (found.events, found.signals) == ([(1, EVENT)], [(9, SIGNAL)])


def test_an_event_that_has_ended_takes_the_place_of_its_beginning(
    pending: Pending, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = replace(EVENT, duration_seconds=5.0)
    pending.trail(TrailRow(2, TrailKind.EVENT, EVENT, ORIGIN))
    pending.trail(TrailRow(3, TrailKind.EVENT, EVENT, ("two", 7, SENT - 8)))
    take(pending)
    pending.trail(TrailRow(9, TrailKind.EVENT, ended, ORIGIN))
    assert take(pending).events == [(2, ended)]
    monkeypatch.setattr("funding.replica.pending.MOST_EVENTS", 2)
    pending.trail(TrailRow(10, TrailKind.EVENT, EVENT, ("two", 8, SENT - 8)))
    pending.trail(TrailRow(11, TrailKind.EVENT, ended, ("two", 8, SENT - 8)))
    assert [number for number, _ in take(pending).events] == [10, 10]
