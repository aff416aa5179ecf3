#!/usr/bin/env python3
"""The watchdog: looks at the service every few seconds, reports, and restarts what hangs."""

import json
import logging
import sys

from funding import startup
from funding.exchanges.table import EXCHANGES
from funding.health import report
from funding.health.checks import check
from funding.runtime import access
from funding.runtime.clock import SYSTEM
from funding.settings.alerts import AlertSettings
from funding.settings.service import Settings
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.reader import Reader
from funding.watchdog import group_settings
from funding.watchdog.announcer import Announcer
from funding.watchdog.collector import FactsCollector
from funding.watchdog.feed_reader import feed_reader
from funding.watchdog.findings_log import FindingsLog
from funding.watchdog.monitor import Monitor
from funding.watchdog.rest_check import Schedule
from funding.watchdog.rest_checkers import RestCheckers
from funding.watchdog.supervisor import SupervisorClient

log = logging.getLogger("watchdog")

PENDING_SECONDS = 0.5  # between two looks while a process is to end
ONCE_REST_SECONDS = 8.0


def make_monitor(settings: Settings, checkers: RestCheckers) -> Monitor:
    """The monitor of this machine's service."""
    supervisor, first = SupervisorClient(settings.supervisor), settings.first
    collector = FactsCollector(
        settings,
        reader=Reader(settings.db, first, SYSTEM),
        supervisor=supervisor,
        clock=SYSTEM,
        last_comparison=checkers.latest(first),
        exchange_offset=checkers.exchange_offset(first),
        others=[
            feed_reader(settings, EXCHANGES[name], checkers.latest(name), SYSTEM)
            for name in settings.exchanges
            if name != first
        ],
    )
    return Monitor(
        collector,
        events=Events(DurableConnection(settings.db)),
        supervisor=supervisor,
        check_interval=settings.check_interval,
        clock=SYSTEM,
    )


def once(settings: Settings, *, restart: bool, as_json: bool) -> int:
    """One report on stdout, and nothing else there; 0 healthy, 1 not."""
    checkers = RestCheckers(settings, Schedule(settings.compare_interval), SYSTEM)
    monitor = make_monitor(settings, checkers)
    checkers.start()
    checkers.wait_for_first(ONCE_REST_SECONDS)
    facts = monitor.look()
    findings = check(facts)
    if restart:
        monitor.act(facts)
    if as_json:
        print(json.dumps(report.as_data(findings, SYSTEM.wall()), ensure_ascii=False, indent=2))
    else:
        print(report.as_text(findings, SYSTEM.wall()))
    checkers.stop()
    return 0 if report.healthy(findings) else 1


def run(settings: Settings, own: AlertSettings) -> int:
    """Look and act until SIGTERM or SIGINT."""
    keep_seconds = settings.comparison_days * 86_400
    schedule = Schedule(
        settings.compare_interval, settings.compare_all_interval, keep_seconds, plants=True
    )
    if schedule.unproven:
        log.warning("%s", schedule.unproven)
    checkers = RestCheckers(settings, schedule, SYSTEM)
    monitor = make_monitor(settings, checkers)
    findings_log = FindingsLog(SYSTEM)
    announcer = Announcer(settings, own)
    stopping = startup.stop_on_signal()
    monitor.record_start()
    checkers.start()
    while True:
        checkers.check()
        monitor.send_heartbeat()
        facts = monitor.look()
        findings = check(facts)
        monitor.act(facts)
        findings_log.write(findings)
        announcer.take(facts, findings)
        pause = PENDING_SECONDS if monitor.restart_pending else settings.check_interval
        if stopping.wait(min(pause, settings.check_interval)):
            checkers.stop()
            announcer.stop()
            return 0


def main() -> int:
    """Exit codes with --once: 0 healthy, 1 unhealthy, 2 this user may not look; 2 also where a
    setting or argument is wrong."""
    parser = startup.parser("watchdog.py", "Looks after the service: see README.md.")
    parser.add_argument("--once", action="store_true", help="print one report, then exit")
    parser.add_argument("--restart", action="store_true", help="with --once: restart what hangs")
    parser.add_argument("--json", action="store_true", help="with --once: the report as JSON")
    arguments = parser.parse_args()
    if (arguments.restart or arguments.json) and not arguments.once:
        parser.error("--restart and --json go with --once")
    # A report is for pipes, too: the log goes beside it.
    settings = startup.begin("watchdog", sys.stderr if arguments.once else None)
    if arguments.once:
        settings = group_settings.adopted(settings, "watchdog.py")
        closed = access.closed(settings.db, endings=access.DATABASE)
        if closed:
            print(f"watchdog.py: no report: {settings.db}: {closed}", file=sys.stderr)
            return 2
        return once(settings, restart=arguments.restart, as_json=arguments.json)
    return run(settings, startup.alerts("watchdog", settings))


if __name__ == "__main__":
    sys.exit(main())
