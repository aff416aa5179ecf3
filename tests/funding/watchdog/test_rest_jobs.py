"""Comparisons and housekeeping: a real store and a scripted REST interface."""

import logging
import threading
from typing import Any

import pytest

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison, planted_pair
from funding.errors import StoreForeign
from funding.exchanges.binance.exchange import BINANCE
from funding.model.feed import Feed
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.writer import Writer
from funding.watchdog import rest_jobs
from funding.watchdog.rest_jobs import NotReady
from tests.support.clock import ManualClock, rows
from tests.support.compared_service import (
    TIME,
    ComparedService,
    json_reply,
    premium,
    quote,
)
from tests.support.http_script import Turn, hangs, scripted


def test_one_symbol_is_compared(compared: ComparedService) -> None:
    with (
        scripted(json_reply(premium())) as server,
        compared.jobs(server.url) as jobs,
    ):
        found = jobs.compare_one()
    assert [row.outcome for row in found] == ["match"] * 3
    assert compared.comparisons() == [
        ("watchdog", "BTCUSDT", "mark_price", 100.0, 100.0, "match", 0, None),
        ("watchdog", "BTCUSDT", "funding_rate", 0.0001, 0.0001, "match", 0, None),
        ("watchdog", "BTCUSDT", "index_price", 100.0, 100.0, "match", 0, None),
    ]
    assert server.paths == ["/fapi/v1/premiumIndex?symbol=BTCUSDT"]


def test_significant_difference_is_an_event_and_a_warning(
    compared: ComparedService, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        scripted(json_reply(premium(markPrice="98.0"))) as server,
        compared.jobs(server.url) as jobs,
    ):
        jobs.compare_one()
    assert [row[5] for row in compared.comparisons()] == ["significant", "match", "match"]
    text = "binance: BTCUSDT mark_price: stream 100.0, REST 98.0"
    assert compared.events() == [("significant", text)]
    said = [r.levelname for r in caplog.records if f"significant: {text}" in r.message]
    assert said == ["WARNING"]


def while_a_quote_comes(service: ComparedService, mark: float, answer: Turn) -> Turn:
    """Answer after ingest has stored a quote of one second later."""

    def turn(connection: Any, stopping: threading.Event) -> None:
        service.write(quote(mark=mark, event_time=TIME + 1_000))
        answer(connection, stopping)

    return turn


def test_nearer_quote_is_compared(compared: ComparedService) -> None:
    answer = json_reply(premium(markPrice="101.5", time=TIME + 900))
    with (
        scripted(while_a_quote_comes(compared, 101.5, answer)) as server,
        compared.jobs(server.url) as jobs,
    ):
        jobs.compare_one()
    assert compared.comparisons()[0] == (
        "watchdog", "BTCUSDT", "mark_price", 101.5, 101.5, "match", 100, None
    )  # fmt: skip


def test_lag_is_distinguished_from_error(compared: ComparedService) -> None:
    answer = json_reply(premium(markPrice="101.5", time=TIME + 100))
    turns = while_a_quote_comes(compared, 102.0, answer), json_reply(premium(markPrice="90.0"))
    with scripted(*turns) as server, compared.jobs(server.url) as jobs:
        jobs.compare_one()
        jobs.compare_one()
    explained = [row[7] for row in compared.comparisons("field = 'mark_price'")]
    assert explained == [1, 0]


def test_all_symbols_are_compared_in_one_call_and_none_is_dropped(
    compared: ComparedService,
) -> None:
    with (
        scripted(json_reply([premium(), premium("NEWUSDT")])) as server,
        compared.jobs(server.url) as jobs,
    ):
        jobs.compare_all()
    assert server.paths == ["/fapi/v1/premiumIndex"]
    prices = {row[1]: row[3:6] for row in compared.comparisons("field = 'mark_price'")}
    assert prices == {
        "BTCUSDT": (100.0, 100.0, "match"),
        "ETHUSDT": (100.0, None, "mismatch"),
        "NEWUSDT": (None, 100.0, "mismatch"),
    }


def test_planted_pair_is_stored_and_not_an_alarm(compared: ComparedService) -> None:
    with (
        scripted(json_reply(premium())) as server,
        compared.jobs(server.url) as jobs,
    ):
        jobs.plant()
    planted = [(row[0], row[5]) for row in compared.comparisons()]
    assert planted == [("control", "significant")] * 3
    assert compared.events() == []


def test_planted_pair_that_is_not_flagged_is_an_alarm(
    compared: ComparedService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def blind(*arguments: Any) -> list[Comparison]:
        return [row._replace(outcome=Outcome.MATCH) for row in planted_pair(*arguments)]

    monkeypatch.setattr(rest_jobs, "planted_pair", blind)
    with (
        scripted(json_reply(premium())) as server,
        compared.jobs(server.url) as jobs,
    ):
        jobs.plant()
    assert compared.events() == [
        ("control-missed", f"binance: BTCUSDT {field}")
        for field in ("mark_price", "funding_rate", "index_price")
    ]
    assert "not flagged" in caplog.text


def write_feed(service: ComparedService, address: str, age: float) -> None:
    """An ingest that started `age` seconds ago and reads `address`."""
    clock = service.hand.clock()
    feed = Feed("binance", address, 1, clock.boot, clock.wall() - age, clock.uptime() - age)
    writer = Writer(service.path, feed)
    writer.write(feed, [(quote(), clock.wall(), clock.uptime())])
    writer.close()


@pytest.mark.parametrize(
    ("address", "rest_url", "refused"),
    [
        ("127.0.0.1", "https://fapi.binance.com", True),
        ("fstream.binance.com", "http://127.0.0.1:1", True),
        ("stream.binancefuture.com", "https://fapi.binance.com", True),
        ("127.0.0.1", "http://127.0.0.1:1", False),
        ("fstream.binance.com", "https://fapi.binance.com", False),
    ],
)
def test_stand_in_is_not_compared_with_the_exchange(
    tmp_path: Any, address: str, rest_url: str, refused: bool
) -> None:
    service = ComparedService(tmp_path / "funding.db", ManualClock())
    write_feed(service, address, BINANCE.settle_seconds)
    if refused:
        for boot in ("this boot", "the next boot"):
            service.hand.boot = boot
            with (
                service.jobs(rest_url) as jobs,
                pytest.raises(StoreForeign, match=f"quotes of {address}, REST of .*not comparable"),
            ):
                jobs.require_comparable()
        return
    with service.jobs(rest_url) as jobs:
        jobs.require_comparable()
        write_feed(service, address, BINANCE.settle_seconds - 0.1)
        with pytest.raises(NotReady):
            jobs.require_comparable()


def test_store_without_quotes_is_not_ready(tmp_path: Any) -> None:
    service = ComparedService(tmp_path / "funding.db", ManualClock())
    service.write()
    with scripted(hangs) as server, service.jobs(server.url) as jobs:
        with pytest.raises(NotReady):
            jobs.require_comparable()
        service.write(quote())
        jobs.require_comparable()
    assert server.asked == []


def test_start_in_an_earlier_boot_is_not_recent(tmp_path: Any) -> None:
    """Its uptime counts from another moment: the ingest of before has had its time."""
    service = ComparedService(tmp_path / "funding.db", ManualClock(boot="the boot before"))
    write_feed(service, "fstream.binance.com", 0.0)
    service.hand.boot = "this boot"
    with service.jobs("https://fapi.binance.com") as jobs:
        jobs.require_comparable()


# Housekeeping


OLD = Comparison(
    0.0, "x", "binance", "X", Field.MARK_PRICE, 1, 1, 0, 0, Outcome.MATCH, 0, None
)  # fmt: skip


def test_clock_of_the_exchange_is_asked(compared: ComparedService) -> None:
    ahead = 604_800
    at = int((compared.hand.wall + ahead) * 1000)
    with scripted(json_reply({"serverTime": at})) as server, compared.jobs(server.url) as jobs:
        offset = jobs.check_clock()
    ours = compared.hand.wall - compared.hand.uptime
    assert offset - ours == pytest.approx(ahead)
    ((told,),) = rows(compared.path, "SELECT exchange_offset FROM feed")
    assert told == pytest.approx(offset)


def test_old_comparisons_are_deleted(compared: ComparedService) -> None:
    store = DurableConnection(compared.path)
    Comparisons(store).add(
        [OLD._replace(compared_at=compared.hand.wall - age) for age in (10_001, 1)]
    )
    store.close()
    with scripted(hangs) as server, compared.jobs(server.url) as jobs:
        jobs.prune(10_000.0, threading.Event())
    assert len(compared.comparisons()) == 1


def test_damage_is_logged(compared: ComparedService, caplog: pytest.LogCaptureFixture) -> None:
    with compared.jobs("http://127.0.0.1:1") as jobs:
        jobs.check_database()
    assert "damaged" not in caplog.text
    page = compared.path.read_bytes().index(b"ETHUSDT") // 4_096
    with compared.path.open("r+b") as file:
        file.seek(page * 4_096)
        file.write(b"\xff" * 8)
    with compared.jobs("http://127.0.0.1:1") as jobs:
        jobs.check_database()
    assert "the database is damaged" in caplog.text


def test_slow_answer_says_nothing_of_the_exchange_s_clock(compared: ComparedService) -> None:
    at = int(compared.hand.wall * 1000)

    def slowly(connection: Any, stopping: Any) -> None:
        compared.hand.advance(2.5)
        json_reply({"serverTime": at})(connection, stopping)

    with scripted(slowly) as server, compared.jobs(server.url) as jobs:
        jobs.check_clock()
    assert rows(compared.path, "SELECT exchange_offset FROM feed") == [(None,)]
