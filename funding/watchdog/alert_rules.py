"""What a person is told, and when: what is the case in, messages out. Pure.

What was told before is a parameter, since it stands in the store: a watchdog that begins in the
middle of an outage tells nothing twice.

| kind | told | again |
|---|---|---|
| unhealthy | after WAIT_SECONDS of trouble, without those in which it was well, with what began at about the same time | after it has recovered |
| recovered | when it has been well for a minute; after each further outage in an hour twice as long | |
| restarts | WAIT_SECONDS after the first one, so that one message has all of them | at the earliest after a quarter of an hour, with their count |
| gave-up | at once | after an hour |
| difference | at once; one that a symbol alone on one side makes, at the second time | after an hour |
| go-lapsing, go-lost | at once | for another GO |
| many | instead of the last message that an hour allows: the headings of all that are due | |
"""  # noqa: E501

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from funding.model.verdict import DAY_SECONDS, Standing, Verdict
from funding.watchdog.troubles import STEADY_SECONDS, Trouble, in_words

WAIT_SECONDS = 60.0
TOGETHER_SECONDS = 30.0
"""What becomes due within this is told in one message."""
STEADY_MOST_SECONDS = 900.0
HOUR_SECONDS = 3_600.0
RESTARTS_SECONDS = 900.0
CAP = 10
"""Messages in an hour, without those of recoveries."""
CLOCK_SLACK_SECONDS = 60.0
LAG, ONE_SIDE = "lag", "one side"
"""Rules of the event `significant`: see comparison/pair."""


class AlertKind(StrEnum):
    """What an alert is about; the words stand in the database."""

    UNHEALTHY = "unhealthy"
    RECOVERED = "recovered"
    RESTARTS = "restarts"
    GAVE_UP = "gave-up"
    DIFFERENCE = "difference"
    GO_LAPSING = "go-lapsing"
    GO_LOST = "go-lost"
    MANY = "many"


class Note(NamedTuple):
    """What is told of one subject: kept in the store, at `at` Unix seconds. `since` is when it
    began; of a verdict, the time of the GO. `up_to` is the id of the last event that is in it."""

    kind: AlertKind
    subject: str
    at: float
    since: float
    up_to: int = 0
    text: str = ""


class Happened(NamedTuple):
    """An event of the audit trail: a restart of `subject`, that nobody restarts it any more, or a
    difference from REST."""

    kind: AlertKind
    id: int
    at: float
    subject: str
    text: str
    rule: str = ""


class Message(NamedTuple):
    """One message to a person, about everything in `notes`."""

    kind: AlertKind
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is the case at `now` (Unix seconds). `happened` has the events of the last hour, oldest
    first; `well` for how long (seconds) each subject that is in no trouble has been well; `told`
    what the store says was told, oldest first."""

    now: float
    troubles: Sequence[Trouble] = ()
    well: Mapping[str, float] = field(default_factory=dict)
    happened: Sequence[Happened] = ()
    verdicts: Sequence[Verdict] = ()
    told: Sequence[Note] = ()

    def last(self, kind: AlertKind, subject: str) -> Note | None:
        """What was told last of this kind about `subject`."""
        found = (n for n in reversed(self.told) if n.kind is kind and n.subject == subject)
        return next(found, None)

    def lately(self, seconds: float) -> list[Note]:
        """What was told in so many seconds; a clock that was set back hides nothing for long."""
        ahead = self.now + CLOCK_SLACK_SECONDS
        return [note for note in self.told if self.now - seconds < note.at <= ahead]

    def open(self) -> dict[str, Note]:
        """The outages that were told, and whose end was not."""
        found: dict[str, Note] = {}
        for note in self.told:
            if note.kind is AlertKind.UNHEALTHY:
                found[note.subject] = note
            elif note.kind is AlertKind.RECOVERED:
                found.pop(note.subject, None)
        return found


def decide(case: Situation) -> list[Message]:
    """The messages to send now."""
    due = [message for rule in RULES for message in rule(case)]
    good = [message for message in due if message.kind is AlertKind.RECOVERED]
    others = [message for message in due if message.kind is not AlertKind.RECOVERED]
    allowed, until = _allowed(case)
    if others and len(others) >= allowed > 0:
        notes = tuple(note for message in others for note in message.notes)
        summary = Note(AlertKind.MANY, "", case.now, until)
        others = [Message(AlertKind.MANY, (summary, *notes))]
    return good + (others if allowed > 0 else [])


def _allowed(case: Situation) -> tuple[int, float]:
    """How many messages may be sent now, and when (Unix seconds) the next one after those."""
    notes = [n for n in case.lately(HOUR_SECONDS) if n.kind is not AlertKind.RECOVERED]
    many = {note.at for note in notes if note.kind is AlertKind.MANY}
    sent = len(many) + len({(note.at, note.kind) for note in notes if note.at not in many})
    return CAP - sent, min((note.at for note in notes), default=case.now) + HOUR_SECONDS


def _unhealthy(case: Situation) -> Iterator[Message]:
    told = case.open()
    lasting = [
        (case.now - each.since - each.well, each)
        for each in case.troubles
        if each.subject not in told
    ]
    if any(seconds >= WAIT_SECONDS for seconds, _ in lasting):
        yield Message(
            AlertKind.UNHEALTHY,
            tuple(
                Note(AlertKind.UNHEALTHY, each.subject, case.now, each.since, text=each.reason)
                for seconds, each in lasting
                if seconds >= WAIT_SECONDS - TOGETHER_SECONDS
            ),
        )


def _recovered(case: Situation) -> Iterator[Message]:
    left = {
        note: _steady_seconds(case, note.subject) - case.well[note.subject]
        for note in case.open().values()
        if note.subject in case.well
    }
    if any(seconds <= 0 for seconds in left.values()):
        ended = [note for note, seconds in left.items() if seconds <= TOGETHER_SECONDS]
        yield Message(
            AlertKind.RECOVERED,
            tuple(
                Note(
                    AlertKind.RECOVERED,
                    note.subject,
                    case.now,
                    note.since,
                    text=in_words(case.now - case.well[note.subject] - note.since),
                )
                for note in ended
            ),
        )


def _steady_seconds(case: Situation, subject: str) -> float:
    """For how long it must be well to have recovered: longer where it did not last."""
    times = sum(
        note.kind is AlertKind.UNHEALTHY and note.subject == subject
        for note in case.lately(HOUR_SECONDS)
    )
    return min(STEADY_MOST_SECONDS, STEADY_SECONDS * 2.0 ** max(0, times - 1))


def _events(
    kind: AlertKind, quiet: float, is_due: Callable[[Situation, list[Happened]], bool]
) -> Callable[[Situation], Iterator[Message]]:
    """A rule: the events of `kind` that are not told yet, by subject, where `is_due` says so and
    nothing of the kind was told of the subject for `quiet` seconds."""

    def rule(case: Situation) -> Iterator[Message]:
        fresh: dict[str, list[Happened]] = {}
        for each in case.happened:
            last = case.last(kind, each.subject)
            if each.kind is kind and (last is None or each.id > last.up_to):
                fresh.setdefault(each.subject, []).append(each)
        recent = {n.subject for n in case.lately(quiet) if n.kind is kind}
        found = {name: events for name, events in fresh.items() if name not in recent}
        due = {name for name, events in found.items() if is_due(case, events)}
        if due:
            told = found if kind is AlertKind.RESTARTS else due
            yield Message(kind, tuple(_note(case, found[name]) for name in sorted(told)))

    return rule


def _note(case: Situation, events: Sequence[Happened]) -> Note:
    """All `events`, which are of one kind and subject: the last one stands for them."""
    last = events[-1]
    text = last.text + (f" ({len(events)} times)" if len(events) > 1 else "")
    return Note(last.kind, last.subject, case.now, events[0].at, last.id, text)


def _at_once(_case: Situation, _events: Sequence[Happened]) -> bool:
    return True


def _after_a_while(case: Situation, events: Sequence[Happened]) -> bool:
    return case.now - events[0].at >= WAIT_SECONDS


def _proven(_case: Situation, events: Sequence[Happened]) -> bool:
    sides = [each.rule == ONE_SIDE for each in events]
    return len(sides) > 1 or not all(sides)


def _verdicts(case: Situation) -> Iterator[Message]:
    notes: dict[AlertKind, list[Note]] = {}
    for verdict in case.verdicts:
        go_at, lost = verdict.go_at, verdict.lost_at(case.now)
        if go_at is None:
            continue
        if lost is not None and case.now - lost < DAY_SECONDS:
            kind, text = AlertKind.GO_LOST, verdict.failing
        elif verdict.standing(case.now) is Standing.LAPSING:
            kind, text = AlertKind.GO_LAPSING, ""
        else:
            continue
        last = case.last(kind, verdict.exchange)
        if last is None or last.since != go_at:
            note = Note(kind, verdict.exchange, case.now, go_at, text=text)
            notes.setdefault(kind, []).append(note)
    for kind, found in notes.items():
        yield Message(kind, tuple(found))


RULES: tuple[Callable[[Situation], Iterator[Message]], ...] = (
    _recovered,
    _unhealthy,
    _events(AlertKind.GAVE_UP, HOUR_SECONDS, _at_once),
    _events(AlertKind.RESTARTS, RESTARTS_SECONDS, _after_a_while),
    _events(AlertKind.DIFFERENCE, HOUR_SECONDS, _proven),
    _verdicts,
)
