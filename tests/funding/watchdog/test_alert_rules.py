"""What is told and when, on histories that were made up: each look decides by what was told."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from funding.model.verdict import DAY_SECONDS, GO_SECONDS, Verdict
from funding.watchdog.alert_rules import (
    CAP,
    AlertKind,
    Happened,
    Message,
    Note,
    Situation,
    decide,
)
from funding.watchdog.troubles import Trouble

NOW = 1_800_000_000.0
LOOK = 5.0
RESTARTS, GAVE_UP, DIFFERENCE = AlertKind.RESTARTS, AlertKind.GAVE_UP, AlertKind.DIFFERENCE


@dataclass
class History:
    """Looks at a service whose state a test makes up; what was told stands in `told` alone, as in
    the store: every look is like that of a new watchdog."""

    now: float = NOW
    told: list[Note] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    messages: list[tuple[float, Message]] = field(default_factory=list)
    began: dict[str, float] = field(default_factory=dict)
    well: dict[str, float] = field(default_factory=lambda: {"binance": NOW, "kucoin": NOW})

    def look(self, seconds: float, down: Iterable[str] = ()) -> None:
        """Looks for so many seconds while these are in trouble."""
        end = self.now + seconds
        for name in set(self.well) | set(self.began) | set(down):
            if name in down:
                self.began.setdefault(name, self.now)
                self.well.pop(name, None)
            elif name in self.began:
                del self.began[name]
                self.well[name] = self.now
        while self.now < end:
            case = Situation(
                self.now,
                [Trouble(name, since, "silent") for name, since in self.began.items()],
                {name: self.now - since for name, since in self.well.items()},
                [each for each in self.happened if self.now - 3_600 <= each.at <= self.now],
                self.verdicts,
                list(self.told),
            )
            for message in decide(case):
                self.messages.append((self.now - NOW, message))
                self.told += message.notes
            self.now += LOOK

    def happens(self, kind: AlertKind, subject: str, text: str = "x", rule: str = "") -> None:
        number = len(self.happened) + 1
        self.happened.append(Happened(kind, number, self.now, subject, text, rule))

    @property
    def kinds(self) -> list[str]:
        return [str(message.kind) for _, message in self.messages]

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.messages]

    def subjects(self, number: int) -> list[str]:
        return [note.subject for note in self.messages[number][1].notes]


@pytest.fixture
def history() -> History:
    return History()


def test_a_short_outage_is_told_nobody(history: History) -> None:
    history.look(55, ["binance"])
    history.look(600)
    assert history.messages == []


def test_only_the_seconds_of_trouble_count() -> None:
    trouble = Trouble("binance", NOW - 100, "silent", 45.0)
    assert decide(Situation(NOW, [trouble])) == []
    ((_, (note,)),) = decide(Situation(NOW + 5, [trouble]))
    assert (note.subject, note.since) == ("binance", NOW - 100)


def test_an_outage_and_its_end_are_told_once_each(history: History) -> None:
    history.look(86_400, ["binance"])
    history.look(3_600)
    assert list(zip(history.times, history.kinds, strict=True)) == [
        (60.0, "unhealthy"),
        (86_460.0, "recovered"),
    ]
    assert history.messages[1][1].notes[0].text == "24.0 h"


def test_what_fails_together_is_told_together(history: History) -> None:
    history.look(20, ["binance"])
    history.look(100, ["binance", "kucoin"])
    history.look(10, ["kucoin"])
    history.look(200)
    assert history.kinds == ["unhealthy", "recovered"]
    assert history.subjects(0) == history.subjects(1) == ["binance", "kucoin"]


def test_what_fails_later_is_told_apart(history: History) -> None:
    history.look(90, ["binance"])
    history.look(90, ["binance", "kucoin"])
    assert history.kinds == ["unhealthy", "unhealthy"]
    assert history.subjects(1) == ["kucoin"]


def test_flapping_is_told_less_and_less(history: History) -> None:
    """Ninety seconds down, ninety well, for three hours: sixty outages."""
    for _ in range(60):
        history.look(90, ["binance"])
        history.look(90)
    assert len(history.messages) <= 18
    assert history.kinds[:3] == ["unhealthy", "recovered", "unhealthy"]
    history.look(900)
    assert history.kinds[-1] == "recovered"


def test_a_watchdog_that_begins_in_mid_outage_tells_nothing_twice(history: History) -> None:
    history.look(120, ["binance"])
    began = history.began["binance"]
    # Another process: it knows by its own looks, and by what was told.
    later = History(now=history.now, told=history.told, well={"kucoin": history.now})
    later.look(300, ["binance"])
    assert later.messages == []
    later.look(120)
    ((_, message),) = later.messages
    assert message.kind is AlertKind.RECOVERED
    assert message.notes[0].since == began


def test_restarts_are_told_in_one_message_after_a_minute(history: History) -> None:
    for program in ("funding:ingest", "api:api_00", "funding:ingest"):
        history.happens(RESTARTS, program, f"{program} hung")
        history.look(10)
    history.look(3_600)
    assert list(zip(history.times, history.kinds, strict=True)) == [(60.0, "restarts")]
    assert history.subjects(0) == ["api:api_00", "funding:ingest"]
    assert history.messages[0][1].notes[1].text == "funding:ingest hung (2 times)"


def test_a_storm_of_restarts_is_a_message_each_quarter_of_an_hour(history: History) -> None:
    for _ in range(360):
        history.happens(RESTARTS, "funding:ingest")
        history.look(10)
    assert history.times == [60.0, 960.0, 1860.0, 2760.0]
    history.look(3_600)
    assert len(history.messages) == 5, "the rest of them"
    notes = [note for _, message in history.messages for note in message.notes]
    assert sum(int(note.text.partition("(")[2].split()[0]) for note in notes) == 360


def test_a_budget_that_is_used_up_is_told_at_once(history: History) -> None:
    history.happens(GAVE_UP, "funding:ingest", "a person must look")
    history.look(10)
    history.happens(GAVE_UP, "funding:ingest", "a person must look")
    history.look(3_500)
    assert list(zip(history.times, history.kinds, strict=True)) == [(0.0, "gave-up")]


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (["mark_price"], 1),
        (["one side"], 0),
        (["one side", "one side"], 1),
        (["one side", "funding_rate"], 1),
        (["mark_price"] * 30, 1),
    ],
)
def test_differences(history: History, rules: list[str], told: int) -> None:
    for rule in rules:
        history.happens(DIFFERENCE, "kucoin", "BTC differs", rule)
        history.look(60)
    assert history.kinds == ["difference"] * told
    history.look(1_200)
    history.happens(DIFFERENCE, "binance", "BTCUSDT differs", "mark_price")
    history.look(60)
    assert history.subjects(-1) == ["binance"], "each exchange for itself"


def test_a_go_that_is_about_to_lapse_and_then_does(history: History) -> None:
    history.verdicts = [Verdict("binance", NOW, "GO", NOW), Verdict("kucoin", NOW, "NO-GO")]
    while history.now < NOW + 9 * DAY_SECONDS:
        history.look(LOOK)
        history.now += 1_800
    assert history.kinds == ["go-lapsing", "go-lost"]
    assert history.times == pytest.approx([5 * DAY_SECONDS, GO_SECONDS], abs=1_805)


def test_a_go_that_a_report_takes_away_is_told_once_and_old_losses_are_not(
    history: History,
) -> None:
    history.verdicts = [
        Verdict("binance", NOW, "NO-GO", NOW - DAY_SECONDS, "span"),
        Verdict("kucoin", NOW, "NO-GO", NOW - 30 * DAY_SECONDS),
    ]
    history.look(3_600)
    assert history.kinds == ["go-lost"]
    assert history.messages[0][1].notes[0].text == "span"
    again = NOW + 1_000
    history.verdicts = [Verdict("binance", history.now, "NO-GO", again, "span")]
    history.look(3_600)
    assert history.kinds == ["go-lost", "go-lost"], "another GO was lost"


def storm(history: History, seconds: float, make: Callable[[int], None]) -> None:
    for number in range(int(seconds / LOOK)):
        make(number)
        history.look(LOOK)


def test_a_storm_of_all_kinds_ends_in_one_summary(history: History) -> None:
    storm(history, 250, lambda n: history.happens(GAVE_UP, f"program {n}"))
    assert len(history.messages) == CAP
    assert history.kinds == ["gave-up"] * (CAP - 1) + ["many"]
    summary = history.messages[-1][1]
    assert summary.notes[0].since == NOW + 3_600, "when the next one may come"
    history.now = NOW + 3_590
    storm(history, 20, lambda _: None)
    assert history.kinds[CAP] == "many", "what was held back is told when it may be"
    assert {note.subject for _, message in history.messages for note in message.notes} >= {
        f"program {number}" for number in range(50)
    }


def test_recoveries_take_no_place_of_other_messages(history: History) -> None:
    history.told = [Note(AlertKind.RECOVERED, f"x{n}", NOW - n, NOW) for n in range(2 * CAP)]
    history.look(70, ["binance"])
    assert history.kinds == ["unhealthy"]


def test_recoveries_are_told_whatever_the_cap(history: History) -> None:
    storm(history, 300, lambda n: history.happens(GAVE_UP, f"program {n}"))
    history.told = [
        Note(AlertKind.UNHEALTHY, "binance", NOW - 90, NOW - 150),
        *history.told,
    ]
    history.look(120)
    assert history.kinds[-1] == "recovered"


def test_a_clock_that_was_set_back_holds_nothing_back(history: History) -> None:
    history.told = [
        Note(GAVE_UP, f"program {n}", NOW + 86_400 + n, NOW, up_to=0) for n in range(CAP)
    ]
    history.look(120, ["binance"])
    assert history.kinds == ["unhealthy"]
