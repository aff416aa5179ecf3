"""What the watchdog tells the world: alerts, the dead man's ping, and a report each day."""

import logging
import socket
from collections.abc import Sequence
from functools import partial

from funding.health.facts import Facts
from funding.health.findings import Finding
from funding.health.report import healthy
from funding.model.alert import Consumer
from funding.model.event import Event
from funding.notify.backend import BackendClient
from funding.notify.deliveries import opened_delivery
from funding.notify.targets import Target, alert_targets
from funding.runtime.clock import SYSTEM
from funding.settings.alerts import AlertSettings
from funding.settings.service import ROOT, Settings
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.stated_waits import StatedWaits
from funding.watchdog.alert_senders import AlertSenders
from funding.watchdog.alerter import Alerter
from funding.watchdog.audit_trail import AuditTrail
from funding.watchdog.daily_report import DailyReport
from funding.watchdog.direct_sender import DirectSender
from funding.watchdog.monitor import LONGEST_LOOK_SECONDS
from funding.watchdog.ping import TIMEOUT_SECONDS, Ping

log = logging.getLogger("alerts")


class Announcer:
    """Begins with its first look. For one thread."""

    def __init__(self, settings: Settings, own: AlertSettings) -> None:
        targets = alert_targets(own)
        self._alerts = _alerts(settings, targets) if targets else None
        self._ping: Ping | None = None
        self._trail = AuditTrail(Events(DurableConnection(settings.db)))
        self._told: Event | None = None
        self._report: DailyReport | None = None
        if own.heartbeat_url:
            backend = _backend(settings)
            valid = settings.check_interval + LONGEST_LOOK_SECONDS
            self._ping = Ping(own.heartbeat_url, backend, valid_seconds=valid, clock=SYSTEM)
            self._ping.start()
        if own.daily_report:
            script = ROOT / "scripts" / "validate_report.py"
            self._report = DailyReport(settings.db, settings.exchanges, script=script, clock=SYSTEM)
            self._report.start()
        if not targets:
            log.info("nobody is told of outages: neither FUNDING_ALERT_URL nor Telegram is set")

    def take(self, facts: Facts, findings: Sequence[Finding]) -> None:
        """Take a look and what was found. Raises what ended a thread."""
        if self._alerts is not None:
            alerter, senders = self._alerts
            alerter.take(facts)
            senders.wake()
        if self._ping is not None:
            self._ping.check()
            if healthy(findings):
                self._ping.healthy()
            self._record(self._ping.refusal)
        if self._report is not None:
            self._report.check()

    def _record(self, refusal: Event | None) -> None:
        """Into the audit trail, where the next look, the API and people find it."""
        if refusal is not None and refusal is not self._told:
            self._told = refusal
            self._trail.add(refusal)
        self._trail.save()

    def stop(self) -> None:
        """End the threads."""
        for each in (self._ping, self._report):
            if each is not None:
                each.stop()
        if self._alerts is not None:
            self._alerts[1].stop()


def _backend(settings: Settings) -> BackendClient:
    return BackendClient(TIMEOUT_SECONDS, waits=StatedWaits(settings.db, SYSTEM))


def _alerts(settings: Settings, targets: list[Target]) -> tuple[Alerter, AlertSenders]:
    alerter = Alerter(
        DurableConnection(settings.db),
        [target.name for target in targets],
        send_directly=DirectSender(targets, partial(_backend, settings)).send,
        host=socket.gethostname(),
        folder=str(ROOT),
        clock=SYSTEM,
    )
    return alerter, AlertSenders(
        targets, lambda target: opened_delivery(Consumer.ALERTS, target, settings.db)
    )
