"""The facts that the watchdog collects from a real store and real processes."""

import math
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from funding.health.checks import check
from funding.health.facts import LastComparison, Probe, ProcessState
from funding.model.alert import Consumer, Post
from funding.model.contract import Contract, ContractStatus
from funding.model.feed import Feed
from funding.model.verdict import Verdict
from funding.store import durable
from funding.store.contracts import Contracts
from funding.store.outbox import OutboxStore
from funding.store.stated_waits import StatedWaits
from funding.store.upgrades import VERSION
from funding.watchdog import collector, probe
from funding.watchdog.restart_rules import Verb
from harness.processes import WAIT_SECONDS
from tests.support.http_script import hangs, reply, scripted, sends
from tests.support.store import plainly
from tests.support.watched_service import INGEST, NEW, OLD, WatchedService


def contract(symbol: str, status: str) -> Contract:
    """A contract of which only the status matters."""
    kind = ContractStatus(status)
    return Contract(
        *("binance", symbol, kind, None, symbol, "USDT", 1.0),
        *(None, None, None, None, None, 1.0),
    )


def test_facts_of_a_healthy_service(service: WatchedService) -> None:
    service.last_comparison = LastComparison(uptime=service.hand.uptime - 7)
    service.hand.advance(2.0)
    facts = service.monitor.look()
    assert facts.feed is not None
    assert (facts.feed.pid, facts.feed.connected) == (OLD, 1)
    assert facts.heartbeat_age == pytest.approx(2.0)
    assert facts.quote_ages == pytest.approx({"BTCUSDT": 2.0, "ETHUSDT": 2.0, "DATED": 2.0})
    assert facts.without_rate == ["ETHUSDT"]
    assert (facts.store_problem, facts.supervisor_problem) == ("", "")
    (ingest,) = facts.processes or ()
    assert (ingest.name, ingest.pid) == (INGEST, OLD)
    assert ingest.age_seconds > 1_000
    assert ingest.memory_bytes > 10 << 20
    assert facts.port_probe is not None
    assert not facts.port_probe.answered
    assert facts.comparison_age == pytest.approx(9.0)
    assert facts.disk_free_bytes is not None
    assert facts.clock_step == pytest.approx(0.0)


def test_last_frame_age_counts_from_the_last_good_row(service: WatchedService) -> None:
    service.hand.advance(30)
    service.write_heartbeat()
    facts = service.monitor.look()
    assert facts.heartbeat_age == pytest.approx(0.0)
    assert facts.last_frame_age == pytest.approx(30.0)


def test_failures_are_facts_and_not_exceptions(service: WatchedService) -> None:
    service.supervisor.silent = True
    service.remove_store()
    facts = service.step()
    assert (facts.feed, facts.heartbeat_age, facts.store_problem) == (None, None, "")
    assert facts.processes is None
    assert facts.supervisor_problem == "supervisord does not answer"
    service.supervisor.silent = False
    service.step()
    service.path.write_bytes(b"no database" * 100)
    assert "not readable as a database" in service.step().store_problem


def test_delay_while_the_store_is_read_makes_nothing_older(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_feed: Callable[[], Feed | None] = service.reader.feed

    def delayed() -> Feed | None:
        feed = read_feed()
        service.hand.advance(3_600)
        return feed

    service.monitor.look()
    monkeypatch.setattr(service.reader, "feed", delayed)
    assert service.monitor.look().heartbeat_age == pytest.approx(0.0)


def test_size_of_the_wal(service: WatchedService) -> None:
    assert service.monitor.look().wal_bytes == 0
    Path(f"{service.path}-wal").write_bytes(b"x" * 4_096)
    assert service.monitor.look().wal_bytes == 4_096


@pytest.mark.parametrize("step", [-3_600.0, 3_600.0])
def test_dead_feed_is_stale_although_the_clock_stepped(
    service: WatchedService, step: float
) -> None:
    service.hand.wall += step
    service.hand.advance(179)
    assert max(service.monitor.look().quote_ages.values()) < 180
    service.hand.advance(2)
    facts = service.monitor.look()
    assert min(facts.quote_ages.values()) == pytest.approx(181.0)
    assert facts.last_frame_age == pytest.approx(181.0)


def test_each_api_process_is_probed(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = probe.unix

    def unix(path: Path, *arguments: Any) -> Probe:
        seconds = 0.1 if path.name == "api_01.sock" else WAIT_SECONDS
        monkeypatch.setattr(probe, "TIMEOUT_SECONDS", seconds)
        return ask(path, *arguments)

    monkeypatch.setattr(probe, "unix", unix)
    for name in ("api_00", "api_01"):
        service.supervisor.put(f"api:{name}", ProcessState.RUNNING, OLD)
    good, hung = str(service.folder / "api_00.sock"), str(service.folder / "api_01.sock")
    with scripted(sends(reply(503)), unix=good), scripted(hangs, unix=hung):
        probes = service.monitor.look().process_probes
    assert {name: each.answered for name, each in probes.items()} == {
        "api:api_00": True, "api:api_01": False
    }  # fmt: skip


def test_api_is_asked_for_a_symbol_that_the_store_has_fresh(service: WatchedService) -> None:
    service.supervisor.put("api:api_00", ProcessState.RUNNING, OLD)
    path = str(service.folder / "api_00.sock")
    answer = sends(reply(503, b'{"error":"store unavailable"}'))
    with scripted(answer, unix=path) as server:
        (found,) = service.monitor.look().process_probes.values()
        assert (found.answered, found.serves) == (True, False)
        assert server.paths == ["/funding/BTCUSDT"]
        service.hand.advance(91)
        service.monitor.look()
        service.monitor.look()
        assert server.paths[2:] == ["/funding/health"], "nothing is fresh enough"


def test_contracts_that_do_not_trade_are_not_looked_at(service: WatchedService) -> None:
    listed = [contract("BTCUSDT", "TRADING"), contract("ETHUSDT", "SETTLING")]
    Contracts(service.store).replace("binance", listed)
    facts = service.monitor.look()
    assert list(facts.quote_ages) == ["BTCUSDT"], "DATED is not listed"
    assert facts.without_rate == []


@pytest.mark.parametrize("version", [0, 1, VERSION - 1, VERSION + 1, 99])
def test_version_that_somebody_has_set_is_a_problem_and_not_a_silence(
    version: int, service: WatchedService
) -> None:
    with closing(plainly(service.path)) as person:
        person.pragma("user_version", version)
    service.step(60)
    facts = service.monitor.look()
    assert f"has schema version {max(1, version)}" in facts.store_problem
    assert service.supervisor.orders == [], "nothing is known about ingest"
    assert not any("no quotes are stored" in finding.text for finding in check(facts))


def test_process_that_locks_the_store_is_named(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only while ingest is late, and only another process."""
    monkeypatch.setattr(durable, "BUSY_SECONDS", 0.1)
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        " c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(service.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as person:
        assert person.stdout is not None
        assert person.stdout.readline() == b"locked\n"
        assert service.monitor.look().locked_by == ""
        service.hand.advance(3)
        assert service.monitor.look().locked_by == f"process {person.pid} (python)"
        service.step(30)
        assert service.supervisor.orders == [], "ingest waits, it does not hang"
        holder = service.monitor.look().lock_holder
        assert holder is not None
        assert (holder.pid, holder.seconds) == (person.pid, 30.0)
        assert "locked by process" in service.monitor.look().data.reasons[0]
        person.kill()
    assert (service.monitor.look().locked_by, service.monitor.look().lock_holder) == ("", None)
    service.step(1)
    assert service.supervisor.orders == [(Verb.TERM, INGEST)]


def test_pause_that_the_exchange_asks_for_is_no_reason_to_restart(service: WatchedService) -> None:
    """Whoever received it, and whatever has become of that process."""
    waits = StatedWaits(service.path, service.clock)
    waits.record("wss://fstream.binance.com/market/stream", 600.0, "status 429")
    assert service.monitor.look().stated_wait == 0.0, "connected: nobody waits"
    service.feed.connected = 0
    service.write_heartbeat()
    assert service.monitor.look().stated_wait == 600.0
    for _ in range(20):
        service.last_comparison = LastComparison(uptime=service.hand.uptime)
        service.hand.advance(20)
        service.write_heartbeat()
        service.step(1)
    assert service.supervisor.orders == []
    assert service.monitor.look().stated_wait > 0.0
    service.hand.advance(300)
    service.last_comparison = LastComparison(uptime=service.hand.uptime)
    service.write_heartbeat()
    service.step(1)
    assert service.supervisor.orders == [(Verb.TERM, INGEST)]


def test_processes_of_the_last_answer_are_known_while_supervisord_is_away(
    service: WatchedService,
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        service.supervisor.put(INGEST, ProcessState.RUNNING, OLD)
        service.supervisor.put("funding:oi_poller", ProcessState.RUNNING, other.pid)
        service.supervisor.put("funding:volume_alert", ProcessState.FATAL)
        service.monitor.look()
        service.supervisor.silent = True
        facts = service.monitor.look()
        assert [each.name for each in facts.processes or ()] == [INGEST, "funding:oi_poller"]
        assert facts.supervisor_problem == "supervisord does not answer"
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        facts = service.monitor.look()
        assert [each.name for each in facts.processes or ()] == [INGEST], "a zombie has ended"


def test_running_processes_are_probed_once_they_should_have_a_socket(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was stopped before it had its socket was never restarted."""
    service.supervisor.put("api:api_00", ProcessState.RUNNING, OLD)
    service.supervisor.put("api:api_01", ProcessState.STARTING, NEW)
    (service.folder / "api_01.sock").touch()
    monkeypatch.setattr(collector, "STARTING_SECONDS", 1e9)
    assert service.monitor.look().process_probes == {}
    monkeypatch.setattr(collector, "STARTING_SECONDS", -1.0)
    probes = service.monitor.look().process_probes
    assert {name: each.answered for name, each in probes.items()} == {"api:api_00": False}


def test_process_that_started_during_the_probes_is_young_and_not_silent(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe may take seconds, in which ingest is replaced."""
    service.step()

    def slow(*_: object) -> Probe:
        service.restart_ingest()
        return Probe(True, "status 200")

    monkeypatch.setattr(probe, "port", slow)
    service.step(2.0)
    assert service.supervisor.orders == []


def test_damage_behind_an_open_connection_is_found(service: WatchedService) -> None:
    assert service.monitor.look().store_problem == ""
    page = service.path.read_bytes().index(b"ETHUSDT") // 4_096
    with service.path.open("r+b") as file:
        file.seek(page * 4_096)
        file.write(b"\xff" * 4_096)
    assert "not readable as a database" in service.monitor.look().store_problem


@pytest.mark.parametrize("wrong", [604_800.0, -604_800.0, 30.0])
def test_wrong_clock_is_known_without_rest(wrong: float, service: WatchedService) -> None:
    service.feed.least_delay = service.hand.uptime - service.hand.wall + 0.2
    service.write_heartbeat()
    service.hand.wall += wrong
    found = service.monitor.look().clock_error
    assert found == (pytest.approx(wrong, abs=0.5) if abs(wrong) > 60.0 else None)
    service.feed.boot_id = "another boot"
    service.write_heartbeat()
    assert service.monitor.look().clock_error is None


@pytest.mark.parametrize("set_back", [0.0, 3_600.0])
def test_frames_of_another_boot_have_no_age(set_back: float, service: WatchedService) -> None:
    with closing(plainly(service.path)) as person:
        person.execute("UPDATE feed SET boot_id = 'the boot before'")
    service.hand.wall -= set_back
    facts = service.monitor.look()
    assert facts.last_frame_age is None
    assert facts.quote_ages
    assert min(facts.quote_ages.values()) == math.inf
    assert facts.data.reasons


def test_age_of_the_list_of_contracts(service: WatchedService) -> None:
    assert service.monitor.look().contracts_age is None
    listed = contract("BTCUSDT", "TRADING")._replace(checked_at=service.hand.wall - 9_000.0)
    Contracts(service.store).replace("binance", [listed])
    assert service.monitor.look().contracts_age == pytest.approx(9_000.0)


@pytest.mark.parametrize("name", ["history", "publish"])
def test_sign_of_life_of_a_program_ages_by_a_clock_that_nobody_sets(
    service: WatchedService, name: str
) -> None:
    assert service.monitor.look().silences == {}
    write = "INSERT OR REPLACE INTO consumer VALUES (?, 1, ?)"
    for beat in (1.0, 2.0):
        with closing(plainly(service.path)) as plain:
            plain.execute(write, (name, beat))
        assert service.monitor.look().silences == {f"funding:{name}": pytest.approx(0.0)}
        service.hand.advance(20.0)
        service.hand.wall += 3_600
        assert service.monitor.look().silences == {f"funding:{name}": pytest.approx(20.0)}


def test_alerts_that_wait_and_verdicts_are_facts(service: WatchedService) -> None:
    now = service.hand.wall
    posts = [Post("webhook", "", str(number), "{}") for number in range(3)]
    OutboxStore(service.store).complete(Consumer.ALERTS, None, now - 90, [], [], posts)
    OutboxStore(service.store).complete(Consumer.OI_POLLER, None, now - 90, [], [], posts[:0])
    with closing(plainly(service.path)) as plain:
        plain.execute("UPDATE outbox SET last_error = 'status 500' WHERE id = 1")
        plain.execute("UPDATE outbox SET sent_at = 1 WHERE id = 2")
        plain.execute(
            "INSERT INTO validation (at, verdict, since, until, report)"
            " VALUES (?1, 'GO', 0, ?1, '{}')",
            (now - 1,),
        )
    facts = service.monitor.look()
    begin = datetime.fromtimestamp(now - 90, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert facts.undelivered == [
        f"alerts cannot be sent to webhook since {begin}: status 500; waiting: 2"
    ]
    assert facts.verdicts == [Verdict("binance", now - 1, "GO", now - 1)]
    assert facts.at == now
