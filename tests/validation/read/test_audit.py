"""The audit trail: crashes, hangs and replacements."""

from pathlib import Path

from tests.support.report_days import Report, event, failed, loose, run
from tests.support.report_world import END, HOUR, tamper
from validation.exchanges import EXCHANGES
from validation.read.audit import Audit, audit_of
from validation.read.database import opened
from validation.read.facts import gather
from validation.read.incidents import EventKind
from validation.read.period import Period


def crashed(world: Path, script: str) -> tuple[set[str], Report]:
    """The criteria that fail because of the programs, and the events."""
    tamper(world, script)
    _, report = run(world, "--no-store")
    return failed(report) & {"programs that crashed", "programs that hung"}, report["events"]


INGEST = "funding:ingest"


def test_crash_of_ingest_is_counted_once(world: Path) -> None:
    told = event(5.001, INGEST, "crash", f"{INGEST} ended by itself: by a signal")
    lines, events = crashed(world, told + event(5, "ingest", "start", "pid 9"))
    assert lines == {"programs that crashed"}
    assert len(events["crashes"]) == 1
    lines, events = crashed(world, event(4, "ingest", "start", "pid 10"))
    assert len(events["crashes"]) == 2, "the next start has a crash of its own"


def test_program_that_the_watchdog_ended_hung_and_did_not_crash(world: Path) -> None:
    ordered = event(5.01, "watchdog", "restart", "(hung ingest): no heartbeat for 6 s", INGEST)
    lines, events = crashed(world, ordered + event(5, "ingest", "start", "pid 9"))
    assert (lines, events["crashes"]) == (set(), []), "one restart a day is allowed"
    killed = event(4.01, "watchdog", "kill", "(kill): still there 2 s after TERM", INGEST)
    lines, events = crashed(world, killed + event(4, "ingest", "start", "pid 10"))
    assert (lines, events["crashes"]) == ({"programs that hung"}, [])
    assert {each["kind"] for each in events["shown"]} >= {"restart", "kill", "start"}


def test_restart_of_one_program_does_not_excuse_another(world: Path) -> None:
    ordered = event(5.01, "watchdog", "restart", "(hung API): 2 requests", "api:api_00")
    lines, _ = crashed(world, ordered + event(5, "ingest", "start", "pid 9"))
    assert lines == {"programs that crashed"}


def test_replaced_process_is_listed(world: Path) -> None:
    replaced = event(5, "watchdog", "replaced", "api:api_00 is a new process: 7 → 8")
    lines, events = crashed(world, replaced)
    assert lines == set()
    assert "replaced" in {each["kind"] for each in events["shown"]}


def test_database_of_an_older_version_names_no_program(world: Path) -> None:
    tamper(world, loose("event", "ALTER TABLE event DROP COLUMN program"))
    with opened(world) as connection:
        audit = audit_of(
            connection, Period(0, END, 0, END, [], 0, [], 0, 0, END), EXCHANGES["binance"]
        )
    assert {each.program for each in audit.shown} == {"ingest", INGEST}
    assert audit.count(EventKind.STOP) == 2, "ingest's own, and supervisord's"


def test_only_the_last_events_are_listed(world: Path) -> None:
    many = "".join(event(1 - n / 100, "ingest", "stall", f"number {n}") for n in range(60))
    lines, events = crashed(world, many)
    assert lines == set()
    assert [each["detail"] for each in events["shown"]] == [f"number {n}" for n in range(20, 60)]
    assert events["counts"]["stall (ingest)"] == 60


def test_event_that_stands_for_several_counts_as_many(world: Path) -> None:
    tamper(world, event(3, "ingest", "stall") + "UPDATE event SET count = 300 WHERE kind = 'stall'")
    assert run(world, "--no-store")[1]["events"]["counts"]["stall (ingest)"] == 300


def test_time_without_a_program_is_that_between_its_stop_and_its_next_start(world: Path) -> None:
    tamper(
        world,
        "DELETE FROM event;"
        + event(30, "api:api_00", "stop")
        + event(23, "api:api_00", "start")
        + event(5, "ingest", "stop")
        + event(4.99, INGEST, "stop")
        + event(4, INGEST, "start")
        + event(3, "watchdog", "start", program="api:api_01")
        + event(2, "funding:watchdog", "stop")
        + event(9, "funding:volume_alert", "stop"),
    )
    with opened(world) as connection:
        asked = (END - 24 * HOUR, END)
        facts = gather(connection, exchange="binance", asked=asked, now=END, minimum_symbols=20)
    stops = facts.audit.longest_stops
    assert {name: round(lasted / HOUR, 1) for name, lasted in stops.items()} == {
        "api_00": 1.0, "ingest": 1.0, "watchdog": 2.0,
    }  # fmt: skip


def test_ingest_of_another_exchange_is_not_judged(world: Path) -> None:
    other = "funding:ingest-kucoin"
    tamper(
        world,
        event(9, other, "crash", "by a signal", other)
        + event(8, other, "stop", "by an operator", other)
        + event(7, "ingest-kucoin", "start", "pid 9")
        + event(6, "ingest-kucoin", "start", "pid 10")
        + "".join(event(5, "ingest-kucoin", "stall") for _ in range(200)),
    )
    code, report = run(world, "--no-store")
    assert (code, failed(report)) == (0, set())
    with opened(world) as connection:
        period = Period(0, END, 0, END, [], 0, [], 0, 0, END)
        audit = audit_of(connection, period, EXCHANGES["kucoin"])
    assert [each.program for each in audit.crashes] == [other, "ingest-kucoin"]
    assert audit.longest_stops == {"ingest-kucoin": HOUR}
    assert audit.count(EventKind.STALL) == 200


def test_program_beside_the_service_may_crash(world: Path) -> None:
    name = "funding:volume_alert"
    lines, events = crashed(world, event(5, name, "crash", "exit status 1", name))
    assert (lines, events["crashes"]) == (set(), [])
    text = f"{name} crashed 1 times: it is not part of the service"
    assert text in run(world, "--no-store")[1]["warnings"]


def test_start_of_the_watchdog_is_told_by_two_and_counts_once(world: Path) -> None:
    name = "funding:watchdog"
    for hours_ago in (5, 4, 3):
        tamper(world, event(hours_ago, name, "start", "pid 9"))
        tamper(world, event(hours_ago, name, "start", "started: pid 9", name))
    tamper(world, event(2, "api:api_00", "start", "started: pid 4", "api:api_00"))
    with opened(world) as connection:
        audit = audit_of(
            connection, Period(0, END, 0, END, [], 0, [], 0, 0, END), EXCHANGES["binance"]
        )
    assert max(audit.starts.values()) == 3


def test_times_without_rest_are_recorded_or_follow_a_refusal() -> None:
    audit = Audit(rest_pauses=[1_000.0], rest_outages=[(5_000.0, 5_600.0)])
    gaps = [(1_060.0, 2_000.0), (1_061.0, 2_000.0), (3_000.0, 4_000.0)]
    assert audit.without_rest(gaps) == [(1_060.0, 2_000.0), (5_000.0, 5_600.0)]


def test_outage_of_rest_that_began_before_the_period_counts(world: Path) -> None:
    tamper(
        world,
        "INSERT INTO event (at, source, kind, detail, duration_seconds) VALUES"
        f" ({END - 9 * HOUR}, 'watchdog', 'rest-unavailable', '', {2 * HOUR}),"
        f" ({END - 5 * HOUR}, 'watchdog', 'rest-unavailable', '', 60);",
    )
    begin = END - 8 * HOUR
    with opened(world) as connection:
        period = Period(begin, END, begin, END, [], 0, [], 0, 0, END)
        audit = audit_of(connection, period, EXCHANGES["binance"])
        assert audit.rest_outages == [
            (END - 9 * HOUR, END - 7 * HOUR), (END - 5 * HOUR, END - 5 * HOUR + 60),
        ]  # fmt: skip
        later = Period(END - 6 * HOUR, END, begin, END, [], 0, [], 0, 0, END)
        assert len(audit_of(connection, later, EXCHANGES["binance"]).rest_outages) == 1
