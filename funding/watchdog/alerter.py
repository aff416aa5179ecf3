"""What the store says → alerts and their posts in the outbox."""

import logging
from collections.abc import Callable, Iterator, Sequence

import msgspec

from funding import errors
from funding.health.facts import Facts
from funding.model.alert import Alert, Consumer, Post, TargetName
from funding.model.event import Event, EventKind
from funding.runtime.clock import Clock
from funding.runtime.schedule import Every
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.outbox import OutboxStore
from funding.store.verdicts import last_verdicts
from funding.watchdog.alert_rules import (
    CLOCK_SLACK_SECONDS,
    HOUR_SECONDS,
    LAG,
    AlertKind,
    Happened,
    Message,
    Note,
    Situation,
    decide,
)
from funding.watchdog.alert_words import posts_of, text_of
from funding.watchdog.audit_trail import SOURCE
from funding.watchdog.restart_rules import RuleName
from funding.watchdog.troubles import Troubles, still_works

log = logging.getLogger("alerts")

TOLD_SECONDS = 14 * 86_400.0
SENT_SECONDS = 86_400.0
PRUNE_SECONDS = 3_600.0
DIRECT_SECONDS = 30.0
"""A database that fails for longer than this may be what is to be told."""
KINDS = {
    EventKind.RESTART: AlertKind.RESTARTS,
    EventKind.KILL: AlertKind.RESTARTS,
    EventKind.CRASH: AlertKind.RESTARTS,
    EventKind.START: AlertKind.RESTARTS,
    EventKind.WAITING: AlertKind.GAVE_UP,
    EventKind.SIGNIFICANT: AlertKind.DIFFERENCE,
}


class Alerter:
    """Decides at each look what to tell `targets`, and stores it. For one thread, as `store` is.

    `send_directly` sends posts without the store. `host` and `folder` say in each message where the
    service is.
    """

    def __init__(
        self,
        store: DurableConnection,
        targets: Sequence[TargetName],
        *,
        send_directly: Callable[[Sequence[Post]], None],
        host: str,
        folder: str,
        clock: Clock,
    ) -> None:
        self._send_directly = send_directly
        self._store = store
        self._outbox = OutboxStore(store)
        self._targets = targets
        self._place = {"host": host, "folder": folder}
        self._clock = clock
        self._troubles = Troubles()
        self._prune = Every(PRUNE_SECONDS)
        self._failing_since: float | None = None  # uptime
        self._directly: list[Note] = []

    def take(self, facts: Facts) -> list[Message]:
        """Take a look, and store what is to be told now; returns that. While the store fails,
        troubles are sent directly, and all that is due then is told when it is well again."""
        now, uptime = self._clock.wall(), self._clock.uptime()
        self._troubles.observe(facts, uptime)
        try:
            messages = decide(self._situation(now, uptime))
            for message in messages:
                self._tell(message, now, still_works(facts))
            if self._prune.due(uptime):
                self._outbox.prune(now - TOLD_SECONDS, now - SENT_SECONDS)
        except errors.StoreMissing:
            return []  # ingest has not made it yet
        except errors.StoreError as error:
            self._fail(error, still_works(facts), now, uptime)
            return []
        self._failing_since, self._directly = None, []
        return messages

    def _fail(self, error: errors.StoreError, works: str, now: float, uptime: float) -> None:
        if self._failing_since is None:
            self._failing_since = uptime
            log.warning("alerts cannot be stored, retrying: %s", error)
        if uptime - self._failing_since < DIRECT_SECONDS:
            return
        troubles = self._troubles.present(now, uptime)
        for message in decide(Situation(now, troubles, told=self._directly)):
            self._directly += message.notes
            text = text_of(message, works=works, **self._place)
            log.warning("told without the database: %s", text.partition("\n")[0])
            self._send_directly(posts_of(message, text, self._targets))

    def _situation(self, now: float, uptime: float) -> Situation:
        found = Events(self._store).since(now - HOUR_SECONDS, list(KINDS))
        rows = self._outbox.made(Consumer.ALERTS, now - TOLD_SECONDS)
        return Situation(
            now,
            troubles=self._troubles.present(now, uptime),
            well=self._troubles.well_seconds(uptime),
            happened=list(_happened(found, now)),
            verdicts=last_verdicts(self._store.rows),
            told=[msgspec.json.decode(body, type=Note) for _, _, _, body in rows],
        )

    def _tell(self, message: Message, now: float, works: str) -> None:
        text = text_of(message, works=works, **self._place)
        alerts = [_alert(note, text) for note in message.notes]
        posts = posts_of(message, text, self._targets)
        self._outbox.complete(Consumer.ALERTS, None, now, alerts, [], posts)
        log.warning("told: %s", text.partition("\n")[0])


def _alert(note: Note, text: str) -> Alert:
    key = f"{Consumer.ALERTS} {note.kind} {note.subject} {note.since:.3f} {note.up_to}"
    fields = (Consumer.ALERTS, note.subject, note.kind, note.at, text, "")
    return Alert(key, *fields, msgspec.to_builtins(note))


def _happened(found: Sequence[tuple[int, Event]], now: float) -> Iterator[Happened]:
    """What of the audit trail is worth a message. A process that TERM did not end is killed: that
    is one restart. A start by supervisord follows each end."""
    for number, event in found:
        if event.at > now + CLOCK_SLACK_SECONDS or event.rule in (RuleName.KILL, LAG):
            continue
        if event.kind is EventKind.START and event.source != SOURCE:
            continue
        text, program = event.detail, event.program or ""
        if event.kind is not EventKind.SIGNIFICANT:
            for prefix in (f"{program} ({event.rule}): ", f"{program}: ", f"{program} "):
                text = text.removeprefix(prefix)
        about = event.at, program or event.source, text, event.rule or ""
        yield Happened(KINDS[event.kind], number, *about)
