"""The watchdog's comparisons: a real thread, a real store, a REST interface that does as told."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from funding.comparison.difference import Field, Outcome
from funding.comparison.pair import Comparison, planted_pair
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.rest.client import RestClient
from funding.store.ledger import Ledger
from funding.store.reader import Reader
from funding.watchdog import rest_check
from funding.watchdog.rest_check import SETTLE_SECONDS, NotComparable, NotYet, RestChecker
from tests.support.clock import Hand, feed_at, rows, write
from tests.support.http_script import Scripted, Turn, hangs, reply, scripted, sends
from tests.support.processes import until

TIME = 1_764_725_610_000
SETTLES = TIME + 3_600_000
PREMIUM = {
    "markPrice": "100.0", "indexPrice": "100.0", "lastFundingRate": "0.0001",
    "nextFundingTime": SETTLES, "time": TIME,
}  # fmt: skip


def premium(symbol: str = "BTCUSDT", **changes: object) -> dict[str, object]:
    return {"symbol": symbol, **PREMIUM, **changes}


def json_reply(value: object) -> Turn:
    return sends(reply(body=json.dumps(value).encode()))


def quote(symbol: str = "BTCUSDT", mark: float = 100.0, event_time: int = TIME) -> Quote:
    return Quote(symbol, mark, 100.0, 0.0001, SETTLES, event_time)


@dataclass
class Bench:
    """A store, a clock, and what a comparer of them is made of."""

    path: Path
    hand: Hand

    @contextmanager
    def comparing(
        self, url: str, one: float = 60.0, everything: float = 0.0, keep: float | None = None
    ) -> Iterator[RestChecker]:
        """A comparer at work while the block runs, with REST at `url`."""
        clock = self.hand.clock()

        def parts() -> tuple[Reader, Ledger, RestClient]:
            ledger = Ledger(self.path)
            client = RestClient(
                url, "watchdog", usage=ledger, budget=1_200, clock=clock, timeout=0.4
            )
            return Reader(self.path, "binance", clock), ledger, client

        made = RestChecker(
            parts, exchange="binance", one_every=one, all_every=everything, keep_seconds=keep,
            clock=clock,
        )  # fmt: skip
        made.start()
        try:
            yield made
        finally:
            made.stop()
            made.join()

    def comparisons(self, where: str = "1") -> list[Any]:
        columns = "source, symbol, field, ws_value, rest_value, outcome, skew_ms, explained"
        return rows(self.path, f"SELECT {columns} FROM comparison WHERE {where} ORDER BY id")

    def events(self) -> list[tuple[str, str]]:
        found = rows(self.path, "SELECT kind, detail FROM event WHERE source = 'watchdog'")
        return [(kind, detail) for kind, detail in found]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path / "funding.db", Hand())
    write(made.path, made.hand.clock(), [quote(), quote("ETHUSDT")])
    return made


def concluded(watcher: RestChecker) -> Any:
    """The outcome of the first attempt."""
    until(watcher.first.is_set, "the first attempt")
    assert watcher.failure is None
    assert watcher.latest is not None
    return watcher.latest


def attempted(watcher: RestChecker, uptime: float) -> None:
    """Wait for the attempt made at `uptime`."""
    until(
        lambda: watcher.latest is not None and watcher.latest.uptime == uptime, "the next attempt"
    )


def test_one_symbol_is_compared_at_once(bench: Bench) -> None:
    with scripted(json_reply(premium())) as server, bench.comparing(server.url) as watcher:
        found = concluded(watcher)
    assert (found.problem, found.reachable, found.uptime) == ("", True, bench.hand.uptime)
    assert [row.outcome for row in found.rows] == ["match", "match"]
    assert bench.comparisons() == [
        ("watchdog", "BTCUSDT", "mark_price", 100.0, 100.0, "match", 0, None),
        ("watchdog", "BTCUSDT", "funding_rate", 0.0001, 0.0001, "match", 0, None),
    ]
    assert server.paths == ["/fapi/v1/premiumIndex?symbol=BTCUSDT"]


def test_it_is_compared_again_when_that_is_due(bench: Bench) -> None:
    with scripted(json_reply(premium())) as server, bench.comparing(server.url) as watcher:
        concluded(watcher)
        bench.hand.pass_seconds(59.9)
        for passed in (0.2, 60.0):
            count = len(server.asked)
            bench.hand.pass_seconds(passed)
            attempted(watcher, bench.hand.uptime)
            assert len(server.asked) == count + 1


def test_the_clock_of_its_rhythm_does_not_step(bench: Bench) -> None:
    with scripted(json_reply(premium())) as server, bench.comparing(server.url) as watcher:
        concluded(watcher)
        bench.hand.wall -= 3_600
        bench.hand.uptime += 61
        until(lambda: len(server.asked) == 2, "the next one")


def test_a_significant_difference_is_an_event_and_a_warning(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = json_reply(premium(markPrice="98.0"))
    with (
        caplog.at_level(logging.WARNING),
        scripted(wrong) as server,
        bench.comparing(server.url) as watcher,
    ):
        concluded(watcher)
    assert [row[5] for row in bench.comparisons()] == ["significant", "match"]
    assert bench.events() == [("significant", "BTCUSDT mark_price: stream 100.0, REST 98.0")]
    assert [r.levelname for r in caplog.records if "significant: BTCUSDT" in r.message] == [
        "WARNING"
    ]


def test_the_nearer_reading_is_compared(bench: Bench) -> None:
    def turn(connection: Any, stopping: threading.Event) -> None:
        write(bench.path, bench.hand.clock(), [quote(mark=101.5, event_time=TIME + 1_000)])
        json_reply(premium(markPrice="101.5", time=TIME + 900))(connection, stopping)

    with scripted(turn) as server, bench.comparing(server.url) as watcher:
        concluded(watcher)
    assert bench.comparisons()[0] == (
        "watchdog", "BTCUSDT", "mark_price", 101.5, 101.5, "match", 100, None
    )  # fmt: skip


def test_lag_is_told_from_error(bench: Bench) -> None:
    def turn(connection: Any, stopping: threading.Event) -> None:
        write(bench.path, bench.hand.clock(), [quote(mark=102.0, event_time=TIME + 1_000)])
        json_reply(premium(markPrice="101.5", time=TIME + 100))(connection, stopping)

    turns = turn, json_reply(premium(markPrice="90.0"))
    with scripted(*turns) as server, bench.comparing(server.url) as watcher:
        concluded(watcher)
        bench.hand.pass_seconds(60)
        until(lambda: len(bench.comparisons()) == 4, "the second comparison")
    explained = [row[7] for row in bench.comparisons("field = 'mark_price'")]
    assert explained == [1, 0]


def test_all_symbols_in_one_call_and_none_dropped(bench: Bench) -> None:
    many = json_reply([premium(), premium("NEWUSDT")])
    turns = json_reply(premium()), many
    with scripted(*turns) as server, bench.comparing(server.url, everything=600.0):
        until(lambda: bench.comparisons("symbol = 'NEWUSDT'"), "all symbols")
    assert server.paths[1] == "/fapi/v1/premiumIndex"
    prices = {row[1]: row[3:6] for row in bench.comparisons("field = 'mark_price' AND id > 2")}
    assert prices == {
        "BTCUSDT": (100.0, 100.0, "match"),
        "ETHUSDT": (100.0, None, "mismatch"),
        "NEWUSDT": (None, 100.0, "mismatch"),
    }


def housekeeping(server: Scripted) -> Turn:
    """The replies that a comparer with all its duties asks for."""

    def turn(connection: Any, stopping: threading.Event) -> None:
        path = server.paths[-1]
        if "fundingInfo" in path:
            value: object = [{"symbol": "BTCUSDT", "fundingIntervalHours": 4, "updateTime": None}]
        else:
            value = premium() if "symbol=" in path else [premium()]
        json_reply(value)(connection, stopping)

    return turn


def test_its_other_duties(bench: Bench) -> None:
    old = Comparison(0.0, "x", "binance", "X", Field.MARK_PRICE, 1, 1, 0, 0, Outcome.MATCH, 0, None)
    ledger = Ledger(bench.path)
    ledger.add([old._replace(compared_at=bench.hand.wall - age) for age in (10_001, 1)])
    ledger.close()
    select = "SELECT funding_interval_hours FROM quote ORDER BY symbol"
    with scripted(hangs) as server:
        server.turns = [housekeeping(server)]
        with bench.comparing(server.url, everything=600.0, keep=10_000.0) as watcher:
            concluded(watcher)
            until(lambda: len(bench.comparisons("source = 'x'")) == 1, "the old are forgotten")
            assert rows(bench.path, select) == [(4,), (8,)]
            planted = bench.comparisons("source = 'control'")
            assert [row[5] for row in planted] == ["significant", "significant"]
            bench.hand.pass_seconds(3_600)
            until(lambda: len(bench.comparisons("source = 'control'")) == 4, "the next control")
            assert watcher.failure is None
    assert bench.events() == []


def test_without_keeping_house_it_only_compares(bench: Bench) -> None:
    with scripted(json_reply(premium())) as server, bench.comparing(server.url) as watcher:
        concluded(watcher)
        bench.hand.pass_seconds(60)
        until(lambda: len(server.asked) == 2, "the next one")
    assert {row[0] for row in bench.comparisons()} == {"watchdog"}


def test_a_control_that_is_not_flagged_is_an_alarm(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def blind(*arguments: Any) -> list[Comparison]:
        return [row._replace(outcome=Outcome.MATCH) for row in planted_pair(*arguments)]

    monkeypatch.setattr(rest_check, "planted_pair", blind)
    with scripted(hangs) as server:
        server.turns = [housekeeping(server)]
        with bench.comparing(server.url, keep=100.0):
            until(bench.events, "the alarm")
    assert bench.events() == [
        ("control-missed", "BTCUSDT mark_price"), ("control-missed", "BTCUSDT funding_rate")
    ]  # fmt: skip
    assert "not flagged" in caplog.text


@pytest.mark.parametrize(
    ("turn", "reachable", "words"),
    [
        (sends(reply(500)), False, "status 500"),
        (hangs, False, "timed out"),
        (sends(b"", close=True), False, "Protocol"),
        (sends(reply(418, Retry_After="99")), True, "status 418"),
        (sends(reply(451)), True, "restricted location"),
        (sends(reply(400, b'{"code":-1121,"msg":"Invalid symbol."}')), True, "-1121"),
        (json_reply([]), True, "premiumIndex"),
        (json_reply(17), True, "premiumIndex"),
    ],
    ids=["500", "hangs", "closes", "418", "451", "unknown", "nobody", "no object"],
)
def test_what_goes_wrong_is_told(bench: Bench, turn: Turn, reachable: bool, words: str) -> None:
    with scripted(turn) as server, bench.comparing(server.url) as watcher:
        found = concluded(watcher)
        assert found.reachable is reachable
        assert words in found.problem
        assert watcher.is_alive()
    assert bench.comparisons() == []


def test_a_refusal_is_not_asked_again_every_minute(bench: Bench) -> None:
    with scripted(sends(reply(451))) as server, bench.comparing(server.url) as watcher:
        concluded(watcher)
        for _ in range(8):  # minutes
            bench.hand.pass_seconds(60)
            attempted(watcher, bench.hand.uptime)
    assert len(server.asked) == 4  # after 1, 2 and 4 minutes more


def test_it_goes_on_when_the_store_comes(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "funding.db", Hand())
    with scripted(json_reply(premium())) as server, bench.comparing(server.url) as watcher:
        assert "not there yet" in concluded(watcher).problem
        write(bench.path, bench.hand.clock(), [quote()], feed_at(bench.hand.clock()))
        bench.hand.pass_seconds(60)
        until(lambda: bench.comparisons(), "the comparison")


def test_a_defect_is_left_for_the_main_thread() -> None:
    def parts() -> tuple[Reader, Ledger, RestClient]:
        raise RuntimeError("a defect")

    watcher = RestChecker(
        parts, exchange="x", one_every=1, all_every=0, keep_seconds=None, clock=Hand().clock()
    )
    watcher.start()
    watcher.join()
    assert isinstance(watcher.failure, RuntimeError)
    assert watcher.first.is_set(), "who waits for it waits in vain"
    assert watcher.latest is None


@pytest.mark.parametrize(
    ("ours", "theirs", "refused"),
    [
        ("127.0.0.1", "https://fapi.binance.com", True),
        ("127.0.0.1", "http://127.0.0.1:1", False),
        ("fstream.binance.com", "https://fapi.binance.com", False),
    ],
)
def test_a_stand_in_is_not_compared_with_the_exchange(
    ours: str, theirs: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = object.__new__(RestChecker)
    clock = Hand().clock()
    feed = Feed("binance", ours, 1, clock.boot, clock.wall(), clock.uptime() - 60)
    feed.last_event_time = 1
    reader, rest = (
        SimpleNamespace(feed=lambda: feed),
        SimpleNamespace(host=urlsplit(theirs).hostname),
    )
    for name, value in {"_reader": reader, "_rest": rest, "_clock": clock}.items():
        monkeypatch.setattr(watcher, name, value, raising=False)
    if refused:
        with pytest.raises(NotComparable, match="stand-in"):
            watcher._check_store()
    else:
        watcher._check_store()
    feed.started_uptime = clock.uptime() - SETTLE_SECONDS + 0.1
    with pytest.raises(NotYet):
        watcher._check_store()
