"""One look of the watchdog and what follows from it: a real store and real processes; the clock and
supervisord are set by hand."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from funding import errors
from funding.health import checks
from funding.health.checks import LastComparison, Process
from funding.model.event import Event, EventKind
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.runtime.clock import SYSTEM
from funding.settings.service import read
from funding.store.ledger import Ledger
from funding.store.reader import Reader
from funding.watchdog import probe
from funding.watchdog.monitor import Monitor
from funding.watchdog.supervisor import PluginReport
from tests.conftest import free_port
from tests.support.clock import Hand, feed_at, rows, write
from tests.support.http_script import hangs, reply, scripted, sends

OLD, NEW = os.getpid(), os.getppid()
TIME = 1_764_725_610_000


class Orders:
    """supervisord, as `Control` shows it."""

    def __init__(self) -> None:
        self.rows: dict[str, Process] = {}
        self.given: list[tuple[str, str]] = []
        self.refuses = False
        self.silent = False
        self.told: list[PluginReport] = []
        self.beats: list[tuple[int, float]] = []

    def beat(self, pid: int, seconds: float, stored: int) -> list[PluginReport]:
        self.beats.append((pid, seconds))
        self.told = [each for each in self.told if each.number > stored]
        return self.told

    def put(self, name: str, state: str, pid: int = 0) -> None:
        self.rows[name] = Process(name, state, pid, f"says {state}")

    def processes(self) -> list[Process]:
        if self.silent:
            raise errors.SupervisorError("supervisord does not answer")
        return list(self.rows.values())

    def signal(self, name: str, signal: str) -> None:
        self._order(name, signal)

    def start(self, name: str) -> None:
        self._order(name, "START")

    def _order(self, name: str, verb: str) -> None:
        if self.refuses:
            raise errors.SupervisorError("supervisord refuses")
        self.given.append((verb, name))


class Bench:
    """An overseer of a service that is well at first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "funding.db"
        self.hand = Hand(uptime=SYSTEM.uptime() + 1_000)  # whatever lives is older than any grace
        self.orders = Orders()
        self.comparing: LastComparison | None = None
        self.feed: Feed = feed_at(self.hand.clock(), OLD)
        self.clock = self.hand.clock()
        self.ledger = Ledger(self.path)
        self.reader = Reader(self.path, "binance", self.clock)
        self.beat()
        self.orders.put("funding:ingest", "RUNNING", OLD)
        self.overseer = self.new()

    def new(self) -> Monitor:
        """Another watchdog, as after the end of the one before."""
        settings, _ = read(
            {
                "FUNDING_DB": str(self.path),
                "FUNDING_MIN_SYMBOLS": "2",
                "FUNDING_API_PORT": str(free_port()),
                "FUNDING_SUPERVISOR": str(self.folder / "supervisor.sock"),
            }
        )
        return Monitor(
            settings,
            reader=self.reader,
            ledger=self.ledger,
            control=self.orders,  # type: ignore[arg-type]
            clock=self.clock,
            comparing=lambda: self.comparing,
        )

    def beat(self) -> None:
        """Ingest writes."""
        quotes = [
            Quote("BTCUSDT", 100.0, 100.0, 0.0001, TIME, TIME),
            Quote("ETHUSDT", 100.0, 100.0, None, TIME, TIME),
            Quote("DATED", 100.0, 100.0, None, None, TIME),
        ]
        write(self.path, self.hand.clock(), quotes, self.feed)

    def turn(self, seconds: float = 0.0) -> checks.Facts:
        """One look after `seconds`, and what follows."""
        self.hand.pass_seconds(seconds)
        facts = self.overseer.look()
        self.overseer.act(facts)
        return facts

    def events(self, *kinds: str) -> list[tuple[str, str]]:
        """What the watchdog wrote into the audit trail, or of it what is of `kinds`."""
        found = rows(self.path, "SELECT kind, detail FROM event WHERE source = 'watchdog'")
        return [(kind, detail) for kind, detail in found if kind in kinds or not kinds]


@pytest.fixture
def bench(short_path: Path) -> Iterator[Bench]:
    made = Bench(short_path)
    yield made
    made.ledger.close()
    made.reader.close()


# Looking


def test_a_look_at_a_service_that_is_well(bench: Bench) -> None:
    bench.comparing = LastComparison(uptime=bench.hand.uptime - 7)
    bench.hand.pass_seconds(2.0)
    facts = bench.overseer.look()
    assert facts.feed is not None
    assert (facts.feed.pid, facts.feed.connected) == (OLD, 1)
    assert facts.heartbeat == pytest.approx(2.0)
    assert facts.ages == pytest.approx({"BTCUSDT": 2.0, "ETHUSDT": 2.0, "DATED": 2.0})
    assert facts.without_rate == ["ETHUSDT"]
    assert (facts.store_problem, facts.control_problem) == ("", "")
    (ingest,) = facts.processes or ()
    assert (ingest.name, ingest.pid) == ("funding:ingest", OLD)
    assert ingest.age_seconds > 1_000
    assert ingest.memory_bytes > 10 << 20
    assert facts.api is not None
    assert not facts.api.answered
    assert facts.compared_ago == pytest.approx(9.0)
    assert facts.disk_free_bytes is not None
    assert facts.clock_step == pytest.approx(0.0)


def test_the_last_frame_counts_from_the_last_good_row(bench: Bench) -> None:
    bench.hand.pass_seconds(30)
    write(bench.path, bench.clock, feed=bench.feed)
    facts = bench.overseer.look()
    assert facts.heartbeat == pytest.approx(0.0)
    assert facts.last_frame == pytest.approx(30.0)


def test_what_is_broken_is_a_fact_and_no_exception(bench: Bench) -> None:
    bench.orders.silent = True
    for name in ("", "-wal", "-shm"):
        Path(f"{bench.path}{name}").unlink(missing_ok=True)
    facts = bench.turn()
    assert (facts.feed, facts.heartbeat, facts.store_problem) == (None, None, "")
    assert facts.processes is None
    assert facts.control_problem == "supervisord does not answer"
    bench.path.write_bytes(b"no database" * 100)
    assert "not readable as a database" in bench.turn().store_problem


def test_a_watchdog_that_is_held_up_while_it_looks_sees_nobody_older(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_feed: Callable[[], Feed | None] = bench.reader.feed

    def held_up() -> Feed | None:
        found = read_feed()
        bench.hand.pass_seconds(3_600)
        return found

    monkeypatch.setattr(bench.reader, "feed", held_up)
    assert bench.overseer.look().heartbeat == pytest.approx(0.0)


def test_the_size_of_the_wal(bench: Bench) -> None:
    assert bench.overseer.look().wal_bytes == 0
    Path(f"{bench.path}-wal").write_bytes(b"x" * 4_096)
    assert bench.overseer.look().wal_bytes == 4_096


@pytest.mark.parametrize("step", [-3_600.0, 3_600.0])
def test_a_step_of_the_wall_clock_is_told_and_nothing_else(bench: Bench, step: float) -> None:
    bench.turn()
    bench.hand.wall += step
    facts = bench.turn(1.0)
    assert facts.clock_step == pytest.approx(step)
    assert facts.ages["BTCUSDT"] == pytest.approx(1.0)
    assert bench.orders.given == []
    assert bench.turn(1.0).clock_step == pytest.approx(0.0)
    assert bench.events() == [("clock-step", f"the wall clock stepped by {step:+.1f} s")]


@pytest.mark.parametrize("step", [-3_600.0, 3_600.0])
def test_a_dead_feed_is_found_stale_though_the_clock_stepped(bench: Bench, step: float) -> None:
    bench.hand.wall += step
    bench.hand.pass_seconds(179)
    assert max(bench.overseer.look().ages.values()) < 180
    bench.hand.pass_seconds(2)
    facts = bench.overseer.look()
    assert min(facts.ages.values()) == pytest.approx(181.0)
    assert facts.last_frame == pytest.approx(181.0)


# Acting


def test_a_hung_ingest_gets_term_then_kill(bench: Bench) -> None:
    bench.turn()
    assert not bench.overseer.impatient
    bench.turn(6.0)
    assert bench.orders.given == [("TERM", "funding:ingest")]
    assert bench.overseer.impatient
    bench.turn(1.9)
    assert len(bench.orders.given) == 1
    for _ in range(3):
        bench.turn(0.5)
    assert bench.orders.given[1:] == [("KILL", "funding:ingest")]
    bench.orders.put("funding:ingest", "RUNNING", NEW)
    bench.feed.pid = NEW
    bench.beat()
    bench.turn(0.5)
    assert not bench.overseer.impatient
    assert len(bench.orders.given) == 2
    assert bench.events() == [
        ("restart", "funding:ingest (hung ingest): no heartbeat for 6 s"),
        ("kill", "funding:ingest (kill): still there 2 s after TERM"),
    ]


def test_what_ends_by_term_is_not_killed(bench: Bench) -> None:
    bench.turn()
    bench.turn(6.0)
    bench.orders.put("funding:ingest", "EXITED")
    bench.turn(3.0)
    bench.orders.put("funding:ingest", "RUNNING", NEW)
    bench.feed.pid = NEW
    bench.beat()
    bench.turn(3.0)
    assert bench.orders.given == [("TERM", "funding:ingest")]
    assert [kind for kind, _ in bench.events()] == ["restart"], "what we ended did not crash"


def test_what_outlives_kill_is_not_looked_at_for_ever(bench: Bench) -> None:
    bench.turn()
    for _ in range(20):
        bench.turn(6.0)
    assert not bench.overseer.impatient
    assert bench.orders.given == [("TERM", "funding:ingest"), ("KILL", "funding:ingest")] * 3


def crash(bench: Bench, pid: int, text: str = "by a signal", number: int = 1) -> PluginReport:
    """What the guard tells of a process of ingest that has just ended."""
    return PluginReport(
        number, bench.hand.wall, "crash", "funding:ingest", pid, f"funding:ingest: {text}"
    )


def crashes(bench: Bench) -> list[tuple[float, str, str]]:
    return rows(bench.path, "SELECT at, source, detail FROM event WHERE kind = 'crash'")


def test_a_process_that_ends_by_itself_is_a_crash_once(bench: Bench) -> None:
    bench.turn()
    told = crash(bench, OLD)
    bench.orders.told = [told]
    bench.overseer.beat()
    bench.orders.put("funding:ingest", "RUNNING", NEW)
    bench.feed.pid = NEW
    bench.beat()
    bench.turn(1.0)
    assert crashes(bench) == [(told.at, "funding:ingest", told.text)]
    assert bench.events() == [], "it is no replacement as well"
    bench.overseer = bench.new()
    bench.orders.told = [told, crash(bench, NEW, "exit status 1", 2)]
    bench.overseer.beat()
    bench.turn(1.0)
    assert [detail for *_, detail in crashes(bench)] == [
        told.text,
        "funding:ingest: exit status 1",
    ]


def test_a_watchdog_writes_down_that_it_began(bench: Bench) -> None:
    began = bench.hand.wall
    bench.overseer.begin()
    bench.turn(1.0)
    bench.turn(1.0)
    found = rows(bench.path, "SELECT at, detail FROM event WHERE source = 'funding:watchdog'")
    assert found == [(began, f"pid {os.getpid()}")]


def test_a_crash_is_told_until_it_is_stored(bench: Bench) -> None:
    bench.turn()
    bench.orders.told = [crash(bench, OLD)]
    whole, bench.path = bench.path.read_bytes(), bench.path
    for name in ("-wal", "-shm"):
        Path(f"{bench.path}{name}").unlink(missing_ok=True)
    bench.path.write_bytes(b"no database" * 100)
    bench.overseer.beat()
    bench.turn()
    bench.overseer.beat()
    assert len(bench.orders.told) == 1, "not stored, not confirmed"
    bench.path.unlink()
    bench.path.write_bytes(whole)
    bench.turn(1.0)
    bench.overseer.beat()
    assert bench.orders.told == []
    assert len(crashes(bench)) == 1


def test_what_a_watchdog_ended_did_not_crash_for_the_next_one_either(bench: Bench) -> None:
    bench.turn()
    bench.turn(6.0)
    assert bench.orders.given == [("TERM", "funding:ingest")]
    bench.hand.pass_seconds(2.0)
    told = crash(bench, OLD)
    bench.orders.told = [told]
    bench.overseer.beat()
    bench.orders.told = [told]
    bench.overseer = bench.new()
    bench.hand.pass_seconds(1.0)
    bench.overseer.beat()
    bench.turn()
    assert crashes(bench) == []


def test_another_process_without_a_crash_was_replaced(bench: Bench) -> None:
    bench.turn()
    bench.orders.put("funding:ingest", "RUNNING", NEW)
    bench.feed.pid = NEW
    bench.beat()
    bench.turn()
    assert bench.events("replaced") == [
        ("replaced", f"funding:ingest is a new process: {OLD} → {NEW}")
    ]


def test_what_an_operator_stops_is_left_and_no_crash(bench: Bench) -> None:
    bench.turn()
    bench.orders.put("funding:ingest", "STOPPING", OLD)
    bench.turn(9.0)
    bench.orders.put("funding:ingest", "STOPPED")
    bench.turn(9.0)
    bench.orders.put("funding:ingest", "RUNNING", NEW)
    bench.feed.pid = NEW
    bench.beat()
    bench.turn()
    assert (bench.orders.given, bench.events()) == ([], [])


def test_fatal_is_started(bench: Bench) -> None:
    bench.orders.put("funding:ingest", "FATAL")
    bench.turn()
    assert bench.orders.given == [("START", "funding:ingest")]
    assert bench.events("start") == [("start", "funding:ingest (fatal): FATAL: says FATAL")]
    assert not bench.overseer.impatient


def test_an_order_that_supervisord_refuses_is_none(bench: Bench) -> None:
    bench.orders.refuses = True
    bench.turn()
    bench.turn(6.0)
    assert not bench.overseer.impatient
    bench.orders.refuses = False
    bench.turn(3.0)
    assert bench.orders.given == [("TERM", "funding:ingest")], "KILL without TERM"
    assert len(bench.events("restart")) == 1


def test_a_supervisord_that_is_away_for_a_moment_does_not_end_the_patience(bench: Bench) -> None:
    bench.turn()
    bench.turn(6.0)
    bench.orders.silent = True
    bench.turn(1.0)
    bench.orders.silent = False
    bench.turn(1.0)
    assert bench.orders.given[1:] == [("KILL", "funding:ingest")]


# The budget


def test_after_three_starts_it_reports_once_and_waits(bench: Bench) -> None:
    bench.orders.put("funding:ingest", "FATAL")
    for _ in range(6):
        bench.turn(5.0)
    assert bench.orders.given == [("START", "funding:ingest")] * 3
    ((_, text),) = bench.events("waiting")
    assert "restarted 3 times in 10 minutes" in text
    bench.turn(600.0 - 25.0)
    assert len(bench.orders.given) == 4


def test_the_last_restart_of_the_budget_is_under_way_and_not_waited_for(bench: Bench) -> None:
    for number, pid in enumerate([NEW, OLD, NEW]):
        bench.turn(6.0)
        assert bench.orders.given == [("TERM", "funding:ingest")] * (number + 1)
        bench.turn(0.5)
        bench.orders.put("funding:ingest", "RUNNING", pid)
        bench.feed.pid = pid
        bench.beat()
        bench.turn(0.5)
    assert bench.events("waiting", "replaced") == []
    bench.turn(6.0)
    assert len(bench.orders.given) == 3
    assert len(bench.events("waiting")) == 1


def test_what_the_guard_did_is_written_down(bench: Bench) -> None:
    text = "funding:watchdog (hung watchdog): no beat of process 7"
    bench.orders.told = [PluginReport(1, bench.hand.wall, "kill", "funding:watchdog", 7, text)]
    bench.overseer.beat()
    bench.overseer.beat()
    bench.turn()
    bench.overseer = bench.new()
    bench.overseer.beat()
    bench.turn()
    assert bench.events() == [("kill", text)]
    assert bench.orders.beats == [(OLD, 35.0)] * 3


def test_a_process_that_is_new_since_the_probes_is_young_and_not_silent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe may take seconds, in which ingest is replaced."""
    bench.turn()

    def slow(*_: object) -> checks.Probe:
        bench.orders.put("funding:ingest", "RUNNING", NEW)
        bench.feed.pid = NEW
        bench.beat()
        return checks.Probe(True, "status 200")

    monkeypatch.setattr(probe, "port", slow)
    bench.turn(2.0)
    assert bench.orders.given == []


def test_the_text_of_what_waits_may_change_without_being_told_again(bench: Bench) -> None:
    past = [
        Event(bench.hand.wall - n, "watchdog", EventKind.RESTART, "funding:ingest (x): y")
        for n in (3, 2, 1)
    ]
    bench.ledger.add(events=past)
    for _ in range(4):
        bench.turn(6.0)  # the heartbeat is older each time
    assert bench.orders.given == []
    assert len(bench.events("waiting")) == 1


def test_the_budget_outlives_the_watchdog(bench: Bench) -> None:
    bench.orders.put("funding:ingest", "FATAL")
    for _ in range(2):
        bench.turn(5.0)
        bench.overseer = bench.new()
    bench.turn(5.0)
    bench.overseer = bench.new()
    for _ in range(2):
        bench.turn(5.0)
    assert len(bench.orders.given) == 3
    assert len(bench.events("waiting")) == 1


def test_a_rule_of_the_past_is_remembered_with_its_name(bench: Bench) -> None:
    at = bench.hand.wall - 1_200
    bench.ledger.add(
        events=[Event(at, "watchdog", EventKind.RESTART, "funding:ingest (no data): x (y): z")]
    )
    bench.hand.pass_seconds(100)
    write(bench.path, bench.clock, feed=bench.feed)
    bench.comparing = LastComparison(uptime=bench.hand.uptime)
    bench.turn()
    assert bench.orders.given == [], "no data: once in half an hour"
    bench.hand.pass_seconds(600)
    write(bench.path, bench.clock, feed=bench.feed)
    bench.comparing = LastComparison(uptime=bench.hand.uptime)
    bench.turn()
    assert bench.orders.given == [("TERM", "funding:ingest")]


def test_without_a_store_it_acts_and_writes_it_down_later(bench: Bench) -> None:
    bench.turn()
    for name in ("", "-wal", "-shm"):
        Path(f"{bench.path}{name}").unlink(missing_ok=True)
    bench.turn(6.0)
    assert bench.orders.given == [("TERM", "funding:ingest")]
    bench.orders.put("funding:ingest", "RUNNING", NEW)
    bench.feed = feed_at(bench.clock, NEW)
    bench.beat()
    bench.turn(0.5)
    assert [kind for kind, _ in bench.events()] == ["restart"]


# The API


def test_a_process_of_the_api_that_does_not_answer_is_restarted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 0.1)
    for name in ("api_00", "api_01"):
        bench.orders.put(f"api:{name}", "RUNNING", OLD)
    good, hung = str(bench.folder / "api_00.sock"), str(bench.folder / "api_01.sock")
    with scripted(sends(reply(503)), unix=good), scripted(hangs, unix=hung):
        facts = bench.turn()
        assert {name: p.answered for name, p in facts.probes.items()} == {
            "api:api_00": True, "api:api_01": False
        }  # fmt: skip
        assert bench.orders.given == []
        bench.turn()
        assert bench.orders.given == [("TERM", "api:api_01")]
        assert bench.overseer.impatient


def test_an_answer_in_between_forgives(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 0.1)
    bench.orders.put("api:api_00", "RUNNING", OLD)
    turns = [hangs, sends(reply(200)), hangs, sends(reply(200))]
    with scripted(*turns, unix=str(bench.folder / "api_00.sock")):
        for _ in turns:
            bench.turn()
    assert bench.orders.given == []


def test_only_what_runs_and_has_a_socket_is_asked(bench: Bench) -> None:
    bench.orders.put("api:api_00", "RUNNING", OLD)
    bench.orders.put("api:api_01", "STARTING", NEW)
    (bench.folder / "api_01.sock").touch()
    assert bench.overseer.look().probes == {}


# Symbols


def test_a_symbol_that_falls_behind_is_told_once(bench: Bench) -> None:
    def only(*names: str) -> None:
        quotes = [
            Quote(name, 1.0, 1.0, 0.0001, TIME, TIME + int(bench.hand.uptime)) for name in names
        ]
        write(bench.path, bench.clock, quotes, bench.feed)

    everything = ("BTCUSDT", "ETHUSDT", "DATED")
    for names in (everything, everything[:2], everything[:2], everything[:2], everything):
        bench.hand.pass_seconds(6)
        only(*names)
        bench.turn()
    assert bench.events() == [("behind", "symbols behind the others: DATED")]
    assert bench.orders.given == []
    for names in (everything[:2], everything[:2]):
        bench.hand.pass_seconds(6)
        only(*names)
        bench.turn()
    assert len(bench.events("behind")) == 2
