#!/usr/bin/env python3
"""The watchdog: looks at the service every few seconds, reports, and restarts what hangs."""

import json
import logging
import signal
import sys
import threading

from funding.exchanges.binance import stream as binance
from funding.health import checks, report
from funding.rest.client import RestClient
from funding.runtime import startup
from funding.runtime.clock import SYSTEM
from funding.settings.service import Settings
from funding.store.ledger import Ledger
from funding.store.reader import Reader
from funding.watchdog import group_settings
from funding.watchdog.monitor import Monitor
from funding.watchdog.rest_check import RestChecker
from funding.watchdog.supervisor import SupervisorClient

log = logging.getLogger("watchdog")

SOON_SECONDS = 0.5
REPORT_SECONDS = 3_600.0
ONCE_REST_SECONDS = 8.0


def overseer(settings: Settings, comparer: RestChecker) -> Monitor:
    """The parts, put together."""
    return Monitor(
        settings,
        reader=Reader(settings.db, binance.NAME, SYSTEM),
        ledger=Ledger(settings.db),
        control=SupervisorClient(settings.supervisor),
        clock=SYSTEM,
        comparing=lambda: comparer.latest,
    )


def comparer(settings: Settings, *, once: bool) -> RestChecker:
    """The thread that asks REST; with `once` it compares one symbol and nothing else."""

    def parts() -> tuple[Reader, Ledger, RestClient]:
        ledger = Ledger(settings.db)
        rest = RestClient(
            settings.rest_url,
            "watchdog",
            usage=ledger,
            budget=settings.rest_weight,
            clock=SYSTEM,
        )
        return Reader(settings.db, binance.NAME, SYSTEM), ledger, rest

    return RestChecker(
        parts,
        exchange=binance.NAME,
        one_every=settings.compare_interval,
        all_every=0.0 if once else settings.compare_all_interval,
        keep_seconds=None if once else settings.comparison_days * 86_400,
        clock=SYSTEM,
    )


def once(settings: Settings, *, restart: bool, as_json: bool) -> int:
    """One report on stdout; 0 healthy, 1 not."""
    asking = comparer(settings, once=True)
    watching = overseer(settings, asking)
    asking.start()
    if not asking.first.wait(ONCE_REST_SECONDS):
        late = f"no answer within {ONCE_REST_SECONDS:.0f} s"
        asking.latest = checks.LastComparison(problem=late, reachable=False)
    if asking.failure is not None:
        raise asking.failure
    facts = watching.look()
    findings = checks.check(facts)
    if restart:
        watching.act(facts)
    if as_json:
        print(json.dumps(report.as_data(findings, SYSTEM.wall()), ensure_ascii=False, indent=2))
    else:
        print(report.as_text(findings, SYSTEM.wall()))
    asking.stop()
    return 0 if report.healthy(findings) else 1


def run(settings: Settings) -> int:
    """Look and act until SIGTERM or SIGINT; what changes is logged, and all of it each hour."""
    asking = comparer(settings, once=False)
    watching = overseer(settings, asking)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    watching.begin()
    asking.start()
    before: set[tuple[str, str]] = set()
    reported = SYSTEM.uptime()
    while True:
        if asking.failure is not None:
            raise asking.failure
        watching.beat()
        facts = watching.look()
        findings = checks.check(facts)
        watching.act(facts)
        now = SYSTEM.uptime()
        if now - reported >= REPORT_SECONDS:
            reported = now
            for line in report.as_text(findings, SYSTEM.wall()).splitlines():
                log.info("%s", line)
        before = tell(findings, before)
        pause = SOON_SECONDS if watching.impatient else settings.check_interval
        if stopping.wait(min(pause, settings.check_interval)):
            asking.stop()
            return 0


def tell(findings: list[checks.Finding], before: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Log the checks that turned bad, or good again; what is bad now."""
    bad = {(f.check, f.level.name) for f in findings if f.level is not checks.Level.INFO}
    for finding in findings:
        if (finding.check, finding.level.name) in bad - before:
            log.warning("%s", finding.text)
    for check in {check for check, _ in before} - {check for check, _ in bad}:
        log.info("%s: well again", check)
    return bad


def main() -> int:
    """Exit codes with --once: 0 healthy, 1 unhealthy; 2 a setting or argument is wrong."""
    parser = startup.parser("watchdog.py", "Looks after the service: see README.md.")
    parser.add_argument("--once", action="store_true", help="print one report, then exit")
    parser.add_argument("--restart", action="store_true", help="with --once: act on it, too")
    parser.add_argument("--json", action="store_true", help="with --once: the report as JSON")
    arguments = parser.parse_args()
    if (arguments.restart or arguments.json) and not arguments.once:
        parser.error("--restart and --json go with --once")
    settings = startup.begin("watchdog")
    if arguments.once:
        settings = group_settings.adopted(settings, "watchdog.py")
        return once(settings, restart=arguments.restart, as_json=arguments.json)
    return run(settings)


if __name__ == "__main__":
    sys.exit(main())
