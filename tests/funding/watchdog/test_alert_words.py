"""The messages, word by word."""

import json

import pytest

from funding.model.alert import TargetName
from funding.watchdog.alert_rules import AlertKind, Message, Note
from funding.watchdog.alert_words import LONGEST_TEXT, WORDS, posts_of, text_of

AT = 1_764_725_610.0  # 2025-12-03 01:33:30
OUTAGE = Message(
    AlertKind.UNHEALTHY,
    (
        Note(AlertKind.UNHEALTHY, "binance", AT, AT - 60, text="not connected to x: refused"),
        Note(AlertKind.UNHEALTHY, "kucoin", AT, AT - 50, text="no good frame has come"),
    ),
)


def text(message: Message, works: str = "the API answers") -> str:
    return text_of(message, host="host7", folder="/opt/funding", works=works)


def one(kind: AlertKind, subject: str, about: str = "", up_to: int = 0) -> str:
    return text(Message(kind, (Note(kind, subject, AT, AT - 60, up_to, about),)))


def test_an_outage() -> None:
    assert text(OUTAGE).splitlines() == [
        "[funding on host7] binance and kucoin: not healthy since 2025-12-03 01:32:30 UTC",
        "- binance: not connected to x: refused",
        "- kucoin: no good frame has come",
        "Still works: the API answers.",
        "Type first: cd /opt/funding && .venv/bin/python watchdog.py --once",
    ]
    assert "Still works" not in text(OUTAGE, works="")


@pytest.mark.parametrize(
    ("kind", "about", "words"),
    [
        (AlertKind.RECOVERED, "3 min", "was not healthy for 3 min, since 2025-12-03 01:32:30 UTC"),
        (AlertKind.RESTARTS, "no heartbeat for 9 s", "01:32:30 UTC no heartbeat for 9 s"),
        (AlertKind.GAVE_UP, "a person must look", "a person must look"),
        (AlertKind.DIFFERENCE, "BTCUSDT differs", "BTCUSDT differs"),
        (AlertKind.GO_LAPSING, "", "it lapses at 2025-12-10 01:32:30 UTC"),
        (AlertKind.GO_LOST, "span, crashes", "the last report is NO-GO (span, crashes)"),
        (AlertKind.GO_LOST, "", "it is seven days old"),
    ],
)
def test_each_kind_says_what_it_is_about(kind: AlertKind, about: str, words: str) -> None:
    found = one(kind, "binance", about)
    assert f"] binance: {WORDS[kind].heading}\n" in found
    assert words in found
    assert ("Type first: " in found) is (kind is not AlertKind.RECOVERED)


def test_every_kind_has_words() -> None:
    assert set(WORDS) == set(AlertKind)


def test_a_summary_names_what_it_stands_for() -> None:
    summary = Note(AlertKind.MANY, "", AT, AT + 600)
    found = text(Message(AlertKind.MANY, (summary, *OUTAGE.notes)))
    assert "many alerts in an hour: no more before 2025-12-03 01:43:30 UTC" in found
    assert "- kucoin: not healthy" in found


def test_a_long_message_is_cut() -> None:
    notes = [Note(AlertKind.UNHEALTHY, f"x{n}", AT, AT, text="y" * 999) for n in range(99)]
    assert len(text(Message(AlertKind.UNHEALTHY, tuple(notes)))) == LONGEST_TEXT


def test_posts() -> None:
    hook, telegram = posts_of(OUTAGE, "words", [TargetName.WEBHOOK, TargetName.TELEGRAM])
    assert json.loads(hook.body) == {
        "text": "words", "kind": "unhealthy", "subjects": ["binance", "kucoin"]
    }  # fmt: skip
    assert json.loads(telegram.body) == {"text": "words"}
    later = OUTAGE._replace(notes=(OUTAGE.notes[0]._replace(since=AT + 1),))
    (other,) = posts_of(later, "words", [TargetName.WEBHOOK])
    assert other.idempotency_key != hook.idempotency_key
