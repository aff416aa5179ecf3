"""The volume alert over a day: exactly the alerts expected, whenever it is restarted."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from funding.consumers.volume_scan import SETTLE_SECONDS, ScanOptions, VolumeScan
from funding.errors import RestBanned, RestUnreachable, StoreError
from funding.exchanges.binance.rest import Contract, Kline
from funding.model.alert import MarkAndRate
from funding.model.open_interest import Sample
from funding.rest.pool import Round
from funding.store.durable import DurableConnection
from funding.store.open_interest import OpenInterestStore
from tests.support.clock import ManualClock, rows, write

DAY = 1_764_720_000  # 2025-12-03T00:00:00Z
HOUR = 3_600
QUIET = 2_000_000.0  # an hour's volume of every symbol


class Killed(BaseException):
    """The process is killed here."""


@dataclass
class World:
    """An exchange whose volumes are a function of time: `spikes` has, by symbol and hour of the
    day, the minute from which its volume is ten times that of a quiet hour."""

    hand: ManualClock
    spikes: Mapping[tuple[str, int], int] = field(default_factory=dict)
    symbols: Sequence[str] = ("AUSDT", "BUSDT", "CUSDT")
    problem: BaseException | None = None
    missing: Sequence[str] = ()
    unasked: Sequence[str] = ()
    scans: int = 0

    def contracts(self) -> list[Contract]:
        self.scans += 1
        if self.problem is not None:
            raise self.problem
        return [Contract(s, "PERPETUAL", "TRADING", "USDT", s[:-4]) for s in self.symbols]

    def candles(self, symbols: Sequence[str], seconds: float) -> Round[list[Kline]]:
        assert seconds >= 30
        found: Round[list[Kline]] = Round()
        for symbol in symbols:
            if symbol in self.unasked:
                continue
            if symbol in self.missing:
                found.failures[symbol] = "no answer"
            else:
                found.values[symbol] = [self.kline(symbol, back) for back in (1, 0)]
        return found

    def kline(self, symbol: str, hours_back: int) -> Kline:
        now = self.hand.wall
        opened = int(now // HOUR - hours_back) * HOUR
        part = min(1.0, (now - opened) / HOUR)
        minute = self.spikes.get((symbol, (opened - DAY) // HOUR))
        volume = QUIET * part
        if minute is not None and now >= opened + minute * 60:
            volume = QUIET * 10
        return Kline(opened * 1_000, "10", "12", "9", "11", "0", 0, str(volume))


@dataclass
class Scene:
    path: Path
    world: World
    hand: ManualClock
    prices: dict[str, MarkAndRate] = field(default_factory=dict)
    reads: int = 0
    missing_as_zero: bool = False
    targets: Sequence[str] = ("backend",)

    @contextmanager
    def program(self) -> Iterator[VolumeScan]:
        """The program, from its start to its end."""
        store = DurableConnection(self.path)
        options = ScanOptions(self.targets, tradfi=False, missing_as_zero=self.missing_as_zero)
        try:
            yield VolumeScan(
                options,
                contracts=self.world.contracts,
                candles=self.world.candles,
                store=store,
                mark_prices=self.read,
                clock=self.hand.clock(),
            )
        finally:
            store.close()

    def read(self) -> Mapping[str, MarkAndRate]:
        self.reads += 1
        return self.prices

    def run_to(self, end: float, *, restart_at: Sequence[float] = ()) -> None:
        """Let time pass to `end`, with a program that begins again at these moments."""
        for stop in (*[at for at in sorted(restart_at) if at < end], end):
            with self.program() as program:
                while self.hand.wall < stop:
                    pause = program.turn()
                    self.hand.advance(min(pause, stop - self.hand.wall))

    @property
    def alerts(self) -> list[tuple[str, str, int, int]]:
        """Symbol, kind, hour of the day, and minute of the day at which it was detected."""
        found = []
        for at, body in rows(self.path, "SELECT at, body FROM alert ORDER BY at, key"):
            fields: Any = msgspec.json.decode(body)
            hour = int(fields["hourTimestamp"][11:13])
            minute = (int(at) - DAY) // 60
            found.append((fields["symbol"], fields["alertType"], hour, minute))
        return found


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    hand = ManualClock(wall=DAY + SETTLE_SECONDS)
    path = tmp_path / "funding.db"
    write(path, hand.clock())
    return Scene(path, World(hand), hand)


def expected(spikes: Mapping[tuple[str, int], int]) -> list[tuple[str, str, int, int]]:
    """The alerts of a day with these spikes, each with the minute at which it begins."""
    found = []
    for (symbol, hour), minute in spikes.items():
        first = -(-minute // 5) * 5
        if first > 55:
            continue  # no scan of the hour sees it
        if spikes.get((symbol, hour - 1)) is not None:
            continue  # the hour before was as busy
        found.append((symbol, "SPIKE", hour, hour * 60 + first))
        if first <= 20:
            found.append((symbol, "HALF_UPDATE", hour, hour * 60 + 30))
        if first < 55:
            found.append((symbol, "FULL_UPDATE", hour, hour * 60 + 60))
    return sorted(found, key=lambda row: (row[3], row[0], row[1]))


SPIKES = {
    ("AUSDT", 0): 7, ("AUSDT", 1): 3, ("AUSDT", 3): 0, ("AUSDT", 5): 20, ("AUSDT", 7): 21,
    ("AUSDT", 9): 25, ("AUSDT", 11): 30, ("AUSDT", 13): 50, ("AUSDT", 15): 51, ("AUSDT", 17): 55,
    ("AUSDT", 19): 56, ("AUSDT", 21): 59, ("AUSDT", 23): 10, ("BUSDT", 3): 5, ("BUSDT", 12): 55,
    ("BUSDT", 13): 0, ("CUSDT", 22): 15,
}  # fmt: skip


def sorted_alerts(scene: Scene) -> list[tuple[str, str, int, int]]:
    return sorted(scene.alerts, key=lambda row: (row[3], row[0], row[1]))


def test_day_has_exactly_the_alerts_expected(scene: Scene) -> None:
    scene.world.spikes = SPIKES
    scene.run_to(DAY + 24 * HOUR + 60)
    wanted = expected(SPIKES)
    assert sorted_alerts(scene) == wanted
    assert len(wanted) > 25
    posts = rows(scene.path, "SELECT count(*), count(DISTINCT idempotency_key) FROM outbox")
    assert posts == [(len(wanted), len(wanted))]
    assert scene.reads == scene.world.scans == 289  # one bulk read per scan, one scan per slot


@pytest.mark.parametrize("shift", range(12))
def test_restart_at_any_minute_of_the_hour_changes_nothing(scene: Scene, shift: int) -> None:
    """Five restarts an hour, twelve minutes apart: all sixty minutes in twelve runs."""
    scene.world.spikes = SPIKES
    begin, end = DAY + 2 * HOUR, DAY + 8 * HOUR + 60
    scene.hand.wall = float(begin)
    restarts = range(begin + shift * 60, end, 12 * 60)
    scene.run_to(end, restart_at=restarts)
    wanted = [row for row in expected(SPIKES) if 120 <= row[3] <= 480]
    assert sorted_alerts(scene) == wanted
    assert wanted


@pytest.mark.parametrize("second", [0, 1, 150, 299])
def test_restart_within_a_scan_neither_repeats_nor_loses_an_alert(
    scene: Scene, second: int
) -> None:
    """Killed in the middle of the scan of minute 30, and begun again `second` s into it."""
    scene.world.spikes = {("AUSDT", 0): 5}
    scene.run_to(DAY + 29 * 60)
    scene.hand.wall = DAY + 30 * 60 + 2.0
    scene.world.problem = Killed()
    with scene.program() as program, pytest.raises(Killed):
        program.turn()
    scene.world.problem = None
    scene.hand.wall = max(scene.hand.wall, DAY + 30 * 60 + second)
    scene.run_to(DAY + 61 * 60)
    assert sorted_alerts(scene) == expected({("AUSDT", 0): 5})


def test_scan_waits_until_the_candles_are_closed(scene: Scene) -> None:
    with scene.program() as program:
        assert program.turn() == 300
        scene.hand.advance(299)
        assert program.turn() == 1
    assert scene.world.scans == 1


def test_program_that_starts_at_the_very_minute_waits_for_the_candles_too(scene: Scene) -> None:
    scene.hand.wall = DAY + 300 + 0.5
    with scene.program() as program:
        assert program.seconds_until_ready() == program.turn() == SETTLE_SECONDS - 0.5
        assert scene.world.scans == 0
        scene.hand.advance(SETTLE_SECONDS - 0.5)
        assert program.seconds_until_ready() == 0
        program.turn()
    assert rows(scene.path, "SELECT done FROM consumer") == [(DAY + 300,)]


def test_scan_that_was_cut_short_is_made_again_at_the_restart(scene: Scene) -> None:
    """SIGTERM after two symbols of three: their alerts are made, and not made again."""
    scene.world.spikes = {("AUSDT", 0): 18, ("CUSDT", 0): 18}
    scene.run_to(DAY + 20 * 60 + 2)
    scene.world.unasked = ("CUSDT",)
    with scene.program() as program:
        assert program.turn() == 30
    assert [row[:2] for row in scene.alerts] == [("AUSDT", "SPIKE")]
    scene.world.unasked = ()
    scene.hand.advance(20)
    scene.run_to(DAY + 61 * 60)
    assert sorted_alerts(scene) == expected(scene.world.spikes)


def test_updates_missed_while_the_exchange_was_away_come_late_but_once(scene: Scene) -> None:
    scene.world.spikes = {("AUSDT", 0): 5}
    scene.run_to(DAY + 25 * 60 + 10)
    scene.world.problem = RestUnreachable("away")
    scene.run_to(DAY + 41 * 60)
    scene.world.problem = None
    scene.run_to(DAY + 58 * 60)
    scene.world.problem = RestUnreachable("away")
    scene.run_to(DAY + 62 * 60)
    scene.world.problem = None
    scene.run_to(DAY + 90 * 60)
    assert [(kind, minute) for _, kind, _, minute in scene.alerts] == [
        ("SPIKE", 5), ("HALF_UPDATE", 40), ("FULL_UPDATE", 60),
    ]  # fmt: skip


def test_failed_scan_is_made_again_within_its_five_minutes(scene: Scene) -> None:
    scene.world.problem = RestUnreachable("away")
    with scene.program() as program:
        assert program.turn() == 30
        scene.world.problem = RestBanned("banned", 100.0)
        assert program.turn() == 100
        scene.world.problem = RestBanned("banned", 10_000.0)
        assert program.turn() == 300
        scene.world.problem = None
        assert program.turn() == 300
    assert rows(scene.path, "SELECT done FROM consumer") == [(DAY,)]


def test_scan_with_too_few_candles_is_discarded(scene: Scene) -> None:
    scene.world.spikes = {("AUSDT", 0): 0}
    scene.hand.wall += 300
    scene.world.missing = ("AUSDT", "BUSDT")
    with scene.program() as program:
        assert program.turn() == 30
        assert scene.alerts == []
        scene.world.missing = ("BUSDT",)
        program.turn()
    assert [row[:2] for row in scene.alerts] == [("AUSDT", "SPIKE")]


def first_body(scene: Scene) -> dict[str, Any]:
    body: Any = msgspec.json.decode(rows(scene.path, "SELECT body FROM alert")[0][0])
    return dict(body)


def test_rate_and_mark_price_come_from_the_service(scene: Scene) -> None:
    scene.world.spikes = {("AUSDT", 0): 0}
    scene.hand.wall += 300
    scene.prices = {"AUSDT": MarkAndRate(10.5, -0.0002)}
    with scene.program() as program:
        program.turn()
    body = first_body(scene)
    assert (body["price"], body["fundingRate"], body["asset"]) == (10.5, -0.0002, "A")


@pytest.mark.parametrize("zero", [False, True])
def test_missing_rate_is_absent_or_zero_by_option(scene: Scene, zero: bool) -> None:
    scene.world.spikes = {("AUSDT", 0): 0}
    scene.hand.wall += 300
    scene.missing_as_zero = zero
    with scene.program() as program:
        program.turn()
    assert first_body(scene).get("fundingRate") == (0.0 if zero else None)


def test_change_of_open_interest_is_sent_where_the_poller_has_it(scene: Scene) -> None:
    store = DurableConnection(scene.path)
    for at, value in ((DAY, 100.0), (DAY + 290, 110.0)):
        OpenInterestStore(store).add([Sample(at, "AUSDT", value, None)])
    store.close()
    scene.world.spikes = {("AUSDT", 0): 0, ("BUSDT", 0): 0}
    scene.hand.wall += 300
    with scene.program() as program:
        program.turn()
    bodies = {
        body["symbol"]: body
        for (text,) in rows(scene.path, "SELECT body FROM alert")
        for body in [msgspec.json.decode(text)]
    }
    assert bodies["AUSDT"]["oiChange"] == pytest.approx(0.1)
    assert "oiChange" not in bodies["BUSDT"]


def test_change_of_a_closed_hour_ends_with_it(scene: Scene) -> None:
    """Whatever was polled since then, or under a clock that was ahead."""
    store = DurableConnection(scene.path)
    for at, value in ((DAY, 100.0), (DAY + 3_590, 110.0), (DAY + 3_700, 150.0), (DAY * 2, 900.0)):
        OpenInterestStore(store).add([Sample(at, "AUSDT", value, None)])
    store.close()
    scene.world.spikes = {("AUSDT", 0): 0}
    scene.run_to(DAY + 3_598)
    scene.hand.wall = DAY + 3_900 + SETTLE_SECONDS
    with scene.program() as program:
        program.turn()
    ((text,),) = rows(scene.path, "SELECT body FROM alert WHERE kind = 'FULL_UPDATE'")
    assert msgspec.json.decode(text)["oiChange"] == pytest.approx(0.1)


def test_alerts_are_stored_without_a_target(scene: Scene) -> None:
    scene.targets = ()
    scene.world.spikes = {("AUSDT", 0): 0}
    scene.run_to(DAY + 61 * 60)
    assert sorted_alerts(scene) == expected({("AUSDT", 0): 0})
    assert rows(scene.path, "SELECT count(*) FROM outbox") == [(0,)]


def test_failure_of_the_store_is_raised(scene: Scene) -> None:
    with scene.program() as program:
        scene.path.unlink()
        with pytest.raises(StoreError):
            program.turn()
