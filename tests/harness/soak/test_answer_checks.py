"""A client's own checks of each answer."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.soak.answer_checks import AnswerChecker, together
from tests.harness.soak.worlds import ORACLE, SENT, reply, served


@pytest.fixture
def checker() -> AnswerChecker:
    return AnswerChecker(ORACLE, stale_after=36.0)


def back_in_time(checker: AnswerChecker) -> None:
    checker.one("BTCUSDT", reply(served()))
    checker.one("BTCUSDT", reply(served(at=SENT - 200, ageSeconds=0.5)))


def unchanged_and_older(checker: AnswerChecker) -> None:
    checker.one("BTCUSDT", reply(served()))
    checker.all([served(at=SENT - 200)], reply(outcome="304"))


def old(**other: object) -> Any:
    """A row of a minute ago."""
    row: dict[str, Any] = served(at=SENT - 60_000, ageSeconds=60.3)
    return row | other


def batch(row: Any) -> dict[str, Any]:
    return {"data": [row], "found": 1, "missing": 0, "total": 1, "missingSymbols": []}


EARLY: dict[str, Any] = {
    "updatedAt": SENT / 1000 - 3,
    "ageSeconds": 3.4,
    "lastUpdateTime": SENT // 1000 - 3,
}
WRONG: dict[str, Callable[[AnswerChecker], None]] = {
    "a wrong price": lambda c: c.one("BTCUSDT", reply(served(markPrice=2.0))),
    "another symbol": lambda c: c.one("ETHUSDT", reply(served())),
    "back in time": back_in_time,
    "a 304 that hides": unchanged_and_older,
    "too old an age": lambda c: c.one("BTCUSDT", reply(served(ageSeconds=1.3))),
    "too young an age": lambda c: c.one("BTCUSDT", reply(served(ageSeconds=0.1))),
    "another second": lambda c: c.one("BTCUSDT", reply(served(lastUpdateTime=1))),
    "received too soon": lambda c: c.one("BTCUSDT", reply(served(**EARLY))),
    "stale, not called so": lambda c: c.one("BTCUSDT", reply(old())),
    "stale in a batch, not called so": lambda c: c.batch(
        ["BTCUSDT"], reply(batch(old(stale=False)))
    ),
    "called stale, and is not": lambda c: c.one(
        "BTCUSDT", reply({"ageSeconds": 0.3, "last": served()}, "503 stale")
    ),
    "a symbol that does not exist": lambda c: c.unknown("NOSUCHUSDT", reply(served())),
    "a batch of another symbol": lambda c: c.batch(["ETHUSDT"], reply(batch(served(stale=False)))),
    "a batch that counts wrongly": lambda c: c.batch(
        ["BTCUSDT"], reply(batch(served(stale=False)) | {"found": 2})
    ),
    "a wrong total": lambda c: c.all([served()], reply({"data": [], "total": 2})),
    "healthy with reasons": lambda c: c.health(reply({"status": "healthy", "reasons": ["x"]})),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_found(checker: AnswerChecker, name: str) -> None:
    WRONG[name](checker)
    assert checker.wrong_count == len(checker.wrong) == 1


def test_right_answers_pass(checker: AnswerChecker) -> None:
    row = served()
    checker.one("BTCUSDT", reply(row))
    checker.batch(["BTCUSDT"], reply(batch(row | {"stale": False})))
    checker.all([row], reply({"data": [row], "total": 1}))
    checker.all([row], reply(outcome="304"))
    checker.unknown("NOSUCHUSDT", reply({"error": "unknown symbol"}, "404 unknown symbol"))
    checker.health(reply({"status": "healthy", "reasons": []}))
    checker.health(reply({"status": "degraded", "reasons": ["REST stands in"]}))
    assert (checker.wrong_count, checker.rows) == (0, 4)
    assert {each.kind for each in checker.anomalies} == {"symbols missing"}, "39 of 40 are"


@pytest.mark.parametrize("outcome", ["lost", "refused", "late", "503 not ready", "500 oops"])
def test_an_answer_that_is_not_good_is_recorded(checker: AnswerChecker, outcome: str) -> None:
    checker.one("BTCUSDT", reply({}, outcome))
    checker.batch(["BTCUSDT"], reply({}, outcome))
    checker.all([], reply({}, outcome))
    checker.health(reply({}, outcome))
    checker.unknown("NOSUCHUSDT", reply({}, outcome))
    assert [each.kind for each in checker.anomalies] == [outcome] * 5


def test_clients_are_added_up(checker: AnswerChecker) -> None:
    other = AnswerChecker(ORACLE, stale_after=36.0)
    checker.one("BTCUSDT", reply({}, "late"))
    other.one("BTCUSDT", reply(served(markPrice=2.0)))
    outcomes, anomalies, wrong, wrong_count, rows = together([checker, other])
    assert outcomes == {"late": 1, "200": 1}
    assert [each.kind for each in anomalies] == ["late"]
    assert (len(wrong), wrong_count, rows) == (1, 1, 1)
