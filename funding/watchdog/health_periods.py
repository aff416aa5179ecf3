"""When the service was unhealthy, and when nobody looked: events with a duration, from which the
availability is a query (the view `availability`). Their rule is `data` for the service, which is
its first exchange, `api`, or the name of another exchange.

A period begins with the first look that finds the service unhealthy, and ends with the first of
good looks over `RECOVERY_SECONDS`: an outage in which a frame comes now and then is one period.
A service that is starting is not unhealthy, unless it is still so after `START_SECONDS`: then it
was from the first look on.
"""

from dataclasses import dataclass, replace

from funding.health.checks import probe_problem
from funding.health.facts import FIRST, Facts
from funding.health.feed_checks import lasting_problem
from funding.model.event import Event, EventKind
from funding.watchdog.audit_trail import SOURCE, AuditTrail
from funding.watchdog.troubles import RECOVERY_SECONDS

DATA, API = "data", "api"
AWAY_SECONDS = 15.0
"""Looks that are further apart than this and the check interval: in between nobody looked."""
START_SECONDS = 15.0
"""Of an ingest, and of the looks at it: a name that is slow to resolve takes 10 s."""


@dataclass(slots=True)
class _Period:
    """One unhealthy period: its event, when it began and since when all is well (uptime)."""

    event: Event
    began: float
    good_since: float | None = None


class HealthPeriods:
    """Writes the periods into `trail`. For one thread."""

    def __init__(self, trail: AuditTrail, check_interval: float) -> None:
        self._trail = trail
        self._away_seconds = check_interval + AWAY_SECONDS
        self._open: dict[str, _Period] = {}
        self._last: tuple[float, float] | None = None  # Unix seconds and uptime of the last look
        self._first: tuple[float, float] | None = None  # the same of the first one
        self._adopted = False
        self._starting = True  # no look has found the data served, nor has a watchdog before
        self._held: dict[str, tuple[float, float]] = {}  # first bad look of a start, by rule

    def since(self, rule: str) -> float | None:
        """When the present period of `rule` began (Unix seconds); None while there is none."""
        found = self._open.get(rule)
        return found.event.at if found is not None else None

    @property
    def has_looked(self) -> bool:
        """Whether this watchdog knows by itself which periods are open."""
        return self._adopted

    def observe(self, facts: Facts, now: float, uptime: float) -> None:
        """Take a look at `now` (Unix seconds), which is `uptime` since boot."""
        if not self._adopted:
            self._adopt(now, uptime)
        if self._last is not None:
            before, away = self._last[0], uptime - self._last[1]
            step = now - before - away
            if away > self._away_seconds:
                self._end_all(self._last[1])
                self._note_absence(before, away)
            if step > self._away_seconds:  # seconds of the trail that never were
                text = f"the wall clock was set forward by {step:.0f} s"
                unobserved = Event(
                    before, SOURCE, EventKind.UNOBSERVED, text, duration_seconds=step
                )
                self._trail.add(unobserved)
        self._last = now, uptime
        self._first = self._first or (now, uptime)
        # Not while REST stands in: the data is fresh then, and that has an event of its own.
        data = facts.data
        young = uptime - self._first[1] < START_SECONDS and _is_young(facts)
        self._starting = self._starting and not data.serves and young
        reasons = facts.store_problem or "; ".join(data.reasons)
        bad = "" if data.serves else reasons
        found = {DATA: bad}
        if facts.exchange != FIRST:
            found[facts.exchange] = bad
        probe = facts.port_probe
        found[API] = probe_problem(probe) if probe else ""
        for rule, bad in found.items():
            self._judge(rule, bad, now, uptime, starting=self._starting)
        starting = uptime - self._first[1] < START_SECONDS
        for other in facts.others:
            bad = facts.store_problem or lasting_problem(other, facts.locked_by)
            self._judge(other.exchange, bad, now, uptime, starting=starting)
        self._trail.looked(now)

    def _adopt(self, now: float, uptime: float) -> None:
        """Go on with the periods of the watchdog before this one; where it looked too long ago, or
        the store did not tell until now, they ended with its last look."""
        earlier = self._trail.earlier()
        if earlier is None:
            return
        self._adopted = True
        looked = earlier.looked
        first_look = now if self._first is None else self._first[0]
        recent = looked is not None and first_look - looked <= self._away_seconds
        self._starting = self._starting and not recent
        for event in earlier.unfinished:
            if self._first is None and recent and event.rule is not None:
                self._open[event.rule] = _Period(event, uptime - (now - event.at))
            elif event not in [period.event for period in self._open.values()]:
                duration = max(0.0, (event.at if looked is None else looked) - event.at)
                self._trail.change(event, replace(event, duration_seconds=duration))
        if looked is not None and not recent:
            self._note_absence(looked, first_look - looked)

    def _note_absence(self, looked: float, seconds: float) -> None:
        text = f"nobody looked for {seconds:.0f} s"
        event = Event(looked, SOURCE, EventKind.UNOBSERVED, text, duration_seconds=seconds)
        self._trail.add(event)

    def _end_all(self, at: float) -> None:
        """What is open ends when nobody looked any more: what came after it is not known."""
        for rule, period in list(self._open.items()):
            self._end(rule, period.good_since or at)

    def _judge(self, rule: str, bad: str, now: float, uptime: float, *, starting: bool) -> None:
        period = self._open.get(rule)
        if not bad:
            self._held.pop(rule, None)
        if bad and period is None and starting:
            self._held.setdefault(rule, (now, uptime))
        elif bad and period is None:
            at, began = self._held.pop(rule, (now, uptime))
            event = Event(at, SOURCE, EventKind.UNHEALTHY, bad[:500], rule=rule)
            self._open[rule] = _Period(event, began)
            self._trail.add(event)
        elif bad and period is not None:
            period.good_since = None
        elif period is not None and period.good_since is None:
            period.good_since = uptime
        elif period is not None and uptime - (period.good_since or 0.0) >= RECOVERY_SECONDS:
            self._end(rule, period.good_since or uptime)

    def _end(self, rule: str, at: float) -> None:
        period = self._open.pop(rule)
        duration = max(0.0, at - period.began)
        self._trail.change(period.event, replace(period.event, duration_seconds=duration))


def _is_young(facts: Facts) -> bool:
    """Whether ingest's process has just begun."""
    ingest = facts.process(facts.ingest)
    return ingest is not None and ingest.age_seconds < START_SECONDS
