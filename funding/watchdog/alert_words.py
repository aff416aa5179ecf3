"""Messages to a person who was asleep a moment ago: what, since when, what still works, and what to
type first. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from funding.model.alert import Post, TargetName, post
from funding.model.verdict import GO_SECONDS
from funding.watchdog.alert_rules import AlertKind, Message, Note
from funding.watchdog.troubles import names

LONGEST_TEXT = 4_000
"""Telegram takes 4,096 characters."""
LONGEST_LINE = 400


class Words(NamedTuple):
    """Of a kind of alert: what follows its subjects in the heading, whether it says what still
    works, and the command to type first, if there is one."""

    heading: str
    says_what_works: bool
    first: str


LOOK = ".venv/bin/python watchdog.py --once"
STATUS = ".venv/bin/supervisorctl status"
REPORT = ".venv/bin/python scripts/validate_report.py"
WORDS = {
    AlertKind.UNHEALTHY: Words("not healthy", True, LOOK),
    AlertKind.RECOVERED: Words("recovered", False, ""),
    AlertKind.RESTARTS: Words("started again", True, STATUS),
    AlertKind.GAVE_UP: Words("not restarted any more: a person must look", True, STATUS),
    AlertKind.DIFFERENCE: Words(
        "the stream and REST differ, and lag does not explain it", False, LOOK
    ),
    AlertKind.GO_LAPSING: Words("the GO is about to lapse", False, REPORT),
    AlertKind.GO_LOST: Words("the GO is lost: REST may not be switched off", False, REPORT),
    AlertKind.MANY: Words("many alerts", True, LOOK),
}


def text_of(message: Message, *, host: str, folder: str, works: str) -> str:
    """The whole message of the service in `folder` of the machine `host`."""
    words = WORDS[message.kind]
    lines = [f"[funding on {host}] {_heading(message)}", *_lines(message)]
    if words.says_what_works and works:
        lines.append(f"Still works: {works}.")
    if words.first:
        lines.append(f"Type first: cd {folder} && {words.first}")
    return "\n".join(line[:LONGEST_LINE] for line in lines)[:LONGEST_TEXT]


def posts_of(message: Message, text: str, targets: Sequence[TargetName]) -> list[Post]:
    """The posts that carry `text` to `targets`."""
    key = " ".join(f"{n.kind} {n.subject} {n.since} {n.up_to}" for n in message.notes)
    body: dict[str, Any] = {"text": text, "kind": message.kind}
    body["subjects"] = [note.subject for note in message.notes if note.subject]
    return [
        post(name, "", f"alert {key}", {"text": text} if name == TargetName.TELEGRAM else body)
        for name in targets
    ]


def _heading(message: Message) -> str:
    first = message.notes[0]
    if message.kind is AlertKind.MANY:
        return f"many alerts in an hour: no more before {_time(first.since)}, but for recoveries"
    subjects = names(note.subject for note in message.notes)
    began = min(note.since for note in message.notes)
    since = f" since {_time(began)}" if message.kind is AlertKind.UNHEALTHY else ""
    return f"{subjects}: {WORDS[message.kind].heading}{since}"


def _lines(message: Message) -> list[str]:
    if message.kind is AlertKind.MANY:
        return [f"- {note.subject}: {WORDS[note.kind].heading}" for note in message.notes[1:]]
    return [f"- {note.subject}: {_line(note)}" for note in message.notes]


def _line(note: Note) -> str:
    if note.kind is AlertKind.UNHEALTHY:
        return note.text
    if note.kind is AlertKind.RECOVERED:
        return f"was not healthy for {note.text}, since {_time(note.since)}"
    if note.kind is AlertKind.GO_LAPSING:
        return f"it lapses at {_time(note.since + GO_SECONDS)}; then every client asks REST as well"
    if note.kind is AlertKind.GO_LOST:
        why = f"the last report is NO-GO ({note.text})" if note.text else "it is seven days old"
        return f"{why}; clients ask REST as well from now on"
    return f"{_time(note.since)} {note.text}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
