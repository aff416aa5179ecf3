"""The open-interest poller over hours: samples, batches, and exactly the alerts expected."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from funding.consumers.backend_posts import OPEN_INTEREST_PATH, SAMPLES_PATH
from funding.consumers.open_interest_poll import OpenInterestPoll, OpenInterestRound, PollOptions
from funding.errors import RestBanned, RestRefused, RestUnreachable, StoreError
from funding.exchanges.binance.rest import OpenInterest
from funding.model.alert import Consumer, MarkAndRate
from funding.model.open_interest import Timeframe
from funding.rest.pool import Round
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage
from tests.support.clock import ManualClock, rows, write

START = 1_764_720_000.0
FRAMES = (
    Timeframe("5MIN", "5 min", 300.0, 0.03, 600.0),
    Timeframe("15MIN", "15 min", 900.0, 0.07, 900.0),
    Timeframe("60MIN", "1 hour", 3_600.0, 0.12, 3_600.0),
)
OPTIONS = PollOptions(
    targets=("backend",), missing_as_zero=False, timeframes=FRAMES, least_contracts=5_000.0,
    per_minute=2_000, bounds=(5, 20), rest_weight=1_200, retention_seconds=6 * 3_600.0,
)  # fmt: skip


@dataclass
class Scene:
    """An exchange whose open interest is a function of time, and a clock set by hand."""

    path: Path
    hand: ManualClock
    names: list[str] = field(default_factory=lambda: ["AUSDT", "BUSDT"])
    level: Callable[[str, float], object] = lambda _symbol, _at: 100_000
    prices: dict[str, MarkAndRate] = field(
        default_factory=lambda: {"AUSDT": MarkAndRate(2.0, 0.0001)}
    )
    ended: Any = None
    unlisted: Exception | None = None
    waits: dict[str, float] = field(default_factory=dict)
    loads: int = 0
    reads: int = 0

    def load(self) -> list[str]:
        self.loads += 1
        if self.unlisted is not None:
            raise self.unlisted
        return self.names

    def fetch(self, symbols: Sequence[str], seconds: float) -> OpenInterestRound:
        assert seconds >= 65
        found: OpenInterestRound = Round(ended=self.ended)
        for symbol in symbols:
            self.hand.advance(self.waits.get(symbol, 0.0))
            at = self.hand.wall
            level = self.level(symbol, at - START)
            if isinstance(level, Exception):
                found.failures[symbol] = str(level)
            else:
                found.values[symbol] = at, OpenInterest(symbol, str(level), 0)
        return found

    def read(self) -> Mapping[str, MarkAndRate]:
        self.reads += 1
        return self.prices

    @contextmanager
    def program(self, options: PollOptions = OPTIONS) -> Iterator[OpenInterestPoll]:
        store = DurableConnection(self.path)
        try:
            yield OpenInterestPoll(
                options, symbols=self.load, fetch=self.fetch, store=store, mark_prices=self.read,
                clock=self.hand.clock(),
            )  # fmt: skip
        finally:
            store.close()

    def run_to(self, seconds: float, options: PollOptions = OPTIONS) -> list[float]:
        """Loops until so long after the start; how long each pause was."""
        pauses = []
        with self.program(options) as program:
            while self.hand.wall < START + seconds:
                pauses.append(program.turn())
                self.hand.advance(pauses[-1])
        return pauses

    @property
    def alerts(self) -> list[tuple[str, str, float]]:
        """Symbol, kind, and seconds since the start."""
        found = rows(self.path, "SELECT symbol, kind, at FROM alert ORDER BY at, key")
        return [(symbol, kind, at - START) for symbol, kind, at in found]

    def posts(self, path: str) -> list[Any]:
        texts = rows(self.path, "SELECT body FROM outbox WHERE path = ? ORDER BY id", path)
        return [msgspec.json.decode(text) for (text,) in texts]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    hand = ManualClock(wall=START)
    path = tmp_path / "funding.db"
    write(path, hand.clock())
    return Scene(path, hand)


def test_each_loop_is_stored_with_one_read_of_mark_prices(scene: Scene) -> None:
    scene.run_to(50)
    stored = rows(scene.path, "SELECT at, symbol, open_interest, mark_price FROM open_interest")
    assert len(stored) == 20
    assert stored[:2] == [(START, "AUSDT", 1e5, 2.0), (START, "BUSDT", 1e5, None)]
    assert scene.reads == 10  # two symbols: every 5 s, the shortest
    assert scene.loads == 1


def test_sample_is_dated_when_it_was_taken_not_when_its_loop_began(scene: Scene) -> None:
    """A call that waits for the next minute's budget: a baseline 50 s off would be none."""
    scene.waits = {"BUSDT": 50.0}
    scene.run_to(40)
    stored = rows(scene.path, "SELECT at, symbol FROM open_interest ORDER BY at")
    assert stored == [(START, "AUSDT"), (START + 50, "BUSDT")]
    assert scene.posts(SAMPLES_PATH)[0]["timestamp"] == "2025-12-03T00:00:50Z"


def test_universe_is_loaded_every_20_loops(scene: Scene) -> None:
    scene.run_to(200)
    assert scene.loads == 2
    scene.run_to(210)  # a restart loads it, too
    assert scene.loads == 3


def jump(at: float, factor: float = 1.05) -> Callable[[str, float], object]:
    return lambda symbol, now: 1e6 * (factor if symbol == "AUSDT" and now >= at else 1.0)


def test_jump_is_alerted_once_with_what_the_backend_expects(scene: Scene) -> None:
    scene.level = jump(700)
    scene.run_to(1_500)
    assert scene.alerts == [("AUSDT", "UP 5MIN", 700.0)]
    assert scene.posts(OPEN_INTEREST_PATH) == [
        {
            "symbol": "AUSDT",
            "direction": "UP",
            "baseline": 1e6,
            "current": 1.05e6,
            "pctChange": pytest.approx(0.05),
            "absChange": 5e4,
            "timestamp": "2025-12-03T00:11:40Z",
            "source": "oi_realtime_poller",
            "timeframe": "5 min",
            "priceChange": 0.0,
            "fundingRate": 0.0001,
        }
    ]


def test_missing_mark_price_and_rate_are_absent(scene: Scene) -> None:
    scene.level = jump(700)
    scene.prices = {}
    scene.run_to(710)
    (body,) = scene.posts(OPEN_INTEREST_PATH)
    assert not {"priceChange", "fundingRate"} & body.keys()


def two_steps(symbol: str, at: float) -> object:
    """Up by 13 % in minute 30, down again in minute 90, up again in minute 95."""
    high = 1_800 <= at < 5_400 or at >= 5_700
    return 1e6 * (1.13 if symbol == "AUSDT" and high else 1.0)


@pytest.mark.parametrize("shift", range(13))
def test_restart_at_any_minute_of_the_hour_changes_nothing(scene: Scene, shift: int) -> None:
    """Every twelve minutes: all sixty in twelve runs. The last run has none."""
    scene.level = two_steps
    options = OPTIONS._replace(bounds=(20, 20))
    for restart in range(shift * 60, 8_000, 12 * 60) if shift < 12 else ():
        scene.run_to(restart, options)
    scene.run_to(8_000, options)
    # The 60-minute change is seen as soon as there is a baseline of an hour before.
    assert scene.alerts == [
        ("AUSDT", "UP 15MIN", 1_800.0), ("AUSDT", "UP 5MIN", 1_800.0),
        ("AUSDT", "UP 60MIN", 3_480.0), ("AUSDT", "DOWN 15MIN", 5_400.0),
        ("AUSDT", "DOWN 5MIN", 5_400.0), ("AUSDT", "UP 5MIN", 5_700.0),
        ("AUSDT", "UP 15MIN", 6_300.0),
    ]  # fmt: skip


def test_alert_and_its_edge_are_stored_together(scene: Scene) -> None:
    scene.level = jump(700)
    scene.run_to(710)
    edges = rows(scene.path, "SELECT symbol, timeframe, outside, up_at FROM open_interest_edge")
    assert edges == [("AUSDT", "5MIN", "UP", START + 700)]


def test_alert_that_cannot_be_stored_leaves_no_sample_and_no_edge(scene: Scene) -> None:
    """Or the restarted program would take the change for one that was alerted."""
    scene.level = jump(700)
    scene.run_to(700)
    with closing(apsw.Connection(str(scene.path))) as person:
        person.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON alert BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        with pytest.raises(StoreError):
            scene.run_to(710)
        kept = "SELECT max(at), (SELECT count(*) FROM open_interest_edge) FROM open_interest"
        assert rows(scene.path, kept) == [(START + 695, 0)]
        person.execute("DROP TRIGGER refuse")
    scene.run_to(710)
    assert scene.alerts == [("AUSDT", "UP 5MIN", 700.0)]


def test_batches_of_100_are_posted_every_300_seconds(scene: Scene) -> None:
    scene.names = [f"S{number:03}USDT" for number in range(250)]
    scene.prices = {"S000USDT": MarkAndRate(2.0, None)}
    scene.run_to(650)
    batches = scene.posts(SAMPLES_PATH)
    assert [len(batch["data"]) for batch in batches] == [100, 100, 50] * 3
    assert [batch["totalSymbols"] for batch in batches[:3]] == [100, 100, 50]
    assert {batch["source"] for batch in batches} == {"realtime"}
    times = [batch["timestamp"][11:19] for batch in batches[::3]]
    assert times == ["00:00:00", "00:05:02", "00:10:05"]  # 23 loops of 13.2 s: 1,140 calls a minute
    assert batches[0]["data"][:2] == [
        {"symbol": "S000USDT", "openInterest": 1e5, "openInterestUsd": 2e5, "markPrice": 2.0},
        {"symbol": "S001USDT", "openInterest": 1e5},
    ]
    keys = rows(scene.path, "SELECT count(DISTINCT idempotency_key) FROM outbox")
    assert keys == [(9,)]


def test_batches_keep_their_time_when_the_pace_changes(scene: Scene) -> None:
    scene.names = [f"S{number:03}USDT" for number in range(341)]
    store = DurableConnection(scene.path)
    usage = RestUsage(store)
    usage.spend("volume_alert", "klines", 560, int(START // 60), 2_400)
    store.close()
    scene.run_to(700)
    times = [
        datetime.fromisoformat(batch["timestamp"]).timestamp() - START
        for batch in scene.posts(SAMPLES_PATH)[::4]
    ]
    assert times == [0, pytest.approx(300, abs=20), pytest.approx(600, abs=20)]


def test_missing_mark_price_is_zero_only_by_option(scene: Scene) -> None:
    scene.run_to(1, OPTIONS._replace(missing_as_zero=True))
    first, second = scene.posts(SAMPLES_PATH)[0]["data"]
    assert first["openInterestUsd"] == 2e5
    assert second == {
        "symbol": "BUSDT", "openInterest": 1e5, "openInterestUsd": 0.0, "markPrice": 0.0,
    }  # fmt: skip
    assert rows(scene.path, "SELECT mark_price FROM open_interest WHERE symbol = 'BUSDT'") == [
        (None,)
    ]


def test_samples_and_alerts_are_stored_without_a_backend(scene: Scene) -> None:
    scene.level = jump(700)
    scene.run_to(800, OPTIONS._replace(targets=()))
    assert scene.alerts == [("AUSDT", "UP 5MIN", 700.0)]
    assert rows(scene.path, "SELECT count(*) FROM outbox") == [(0,)]


def test_samples_older_than_the_retention_are_removed(scene: Scene) -> None:
    scene.run_to(9_000, OPTIONS._replace(retention_seconds=7_200.0, bounds=(20, 20)))
    (oldest,) = rows(scene.path, "SELECT min(at) FROM open_interest")[0]
    assert 1_400 < oldest - START < 1_900


@pytest.mark.parametrize(
    ("symbols", "weight", "others", "seconds"),
    [(341, 2_400, 0, 10), (341, 1_200, 0, 18), (341, 1_200, 530, 34), (900, 1_200, 0, 47)],
)
def test_loop_stretches_within_the_shared_budget_and_logs_it(
    scene: Scene, caplog: pytest.LogCaptureFixture, symbols: int, weight: int, others: int,
    seconds: int,
) -> None:  # fmt: skip
    caplog.set_level("INFO")
    store = DurableConnection(scene.path)
    usage = RestUsage(store)
    if others:
        usage.spend("volume_alert", "klines", others, int(START // 60) - 3, 2_400)
    usage.spend(Consumer.OI_POLLER, "openInterest", 1_000, int(START // 60) - 1, 2_400)
    store.close()
    scene.names = [f"S{number}" for number in range(symbols)]
    options = OPTIONS._replace(rest_weight=weight)
    (pause,) = scene.run_to(1, options)
    assert round(pause) == seconds
    assert ("stretched" in caplog.text) == (seconds > 20 or seconds == 18)


def test_burst_of_other_callers_does_not_stretch_the_loop_for_hours(scene: Scene) -> None:
    """They once took the whole budget of a minute; ten minutes later it has its pace again."""
    store = DurableConnection(scene.path)
    usage = RestUsage(store)
    usage.spend("somebody", "klines", 1_140, int(START // 60) - 1, 2_400)
    store.close()
    scene.names = [f"S{number}" for number in range(341)]
    assert [round(pause) for pause in scene.run_to(601)] == [600, 18]


def test_once_beside_the_program_makes_no_alert_twice(scene: Scene) -> None:
    scene.level = jump(700)
    scene.run_to(650)
    with scene.program() as program:
        program.turn()
        scene.hand.wall = START + 701
        scene.run_to(702)
        scene.hand.advance(1)
        program.turn()
    assert [(symbol, kind) for symbol, kind, _ in scene.alerts] == [("AUSDT", "UP 5MIN")]


def test_ban_pauses_the_loop_and_keeps_its_samples(scene: Scene) -> None:
    scene.ended = RestBanned("banned", 120.0)
    with scene.program() as program:
        assert program.turn() == 120
    assert rows(scene.path, "SELECT count(*) FROM open_interest") == [(2,)]


def test_no_answer_at_all_is_an_error(scene: Scene) -> None:
    scene.level = lambda *_: RestUnreachable("away")
    with scene.program() as program:
        with pytest.raises(RestUnreachable, match="2 symbols failed, AUSDT: away"):
            program.turn()
        scene.ended = RestBanned("banned", 120.0)
        with pytest.raises(RestBanned):
            program.turn()
    assert scene.reads == 0


def test_delisted_symbol_is_logged_once_and_not_in_each_loop(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    refused = RestRefused(400, -1121, "Invalid symbol.")
    scene.level = lambda symbol, _: refused if symbol == "BUSDT" else 5.5
    scene.run_to(100)
    logged = [record.message for record in caplog.records if "symbols failed" in record.message]
    assert logged == ["1 symbols failed, BUSDT: status 400, code -1121: Invalid symbol."]
    scene.names.append("CUSDT")
    scene.level = lambda symbol, _: refused if symbol != "AUSDT" else 5.5
    scene.run_to(200)
    assert len([each for each in caplog.records if "2 symbols failed" in each.message]) == 1


@pytest.mark.parametrize("value", ["", "many", "nan", "inf", "-1"])
def test_open_interest_that_is_not_a_number_is_left_out(scene: Scene, value: str) -> None:
    scene.level = lambda symbol, _: value if symbol == "AUSDT" else "5.5"
    scene.run_to(1)
    stored = rows(scene.path, "SELECT symbol, open_interest FROM open_interest")
    assert stored == [("BUSDT", 5.5)]


def test_loop_begins_when_there_is_a_universe(scene: Scene) -> None:
    scene.unlisted = RestUnreachable("away")
    with scene.program() as program:
        with pytest.raises(RestUnreachable):
            program.turn()
        scene.unlisted = None
        assert program.turn() == 5
