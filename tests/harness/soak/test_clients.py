"""The clients ask for everything, and each answer is checked."""

import random
from typing import Any

from harness.processes import free_port, until
from harness.soak.answer_checks import AnswerChecker
from harness.soak.clients import Client, Requests, clients
from tests.harness.soak.worlds import ORACLE, reply


class Scripted:
    """In place of a connection: every answer is lost."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    def get(self, target: str, _tag: str = "") -> Any:
        self.targets.append(target)
        return reply({}, "lost")


def test_each_kind_of_request() -> None:
    connection: Any = Scripted()
    requests = Requests(AnswerChecker(ORACLE, 36.0), connection, random.Random(2))
    for _ in range(200):
        requests.one()
    assert {target[:9] for target in connection.targets} == {"/funding/"}
    assert "/funding/NOSUCHUSDT" in connection.targets
    assert any(target.endswith("usdt") for target in connection.targets)
    requests.batch()
    assert connection.targets[-1].count("%2C") == len(ORACLE.symbols) - 1
    requests.all()
    assert connection.targets[-1] == "/funding"
    requests.health()
    assert connection.targets[-1] == "/funding/health"


def test_a_client_goes_on_after_our_own_mistake() -> None:
    calls: list[int] = []

    def mistaken() -> None:
        calls.append(1)
        raise KeyError("markPrice")

    checker = AnswerChecker(ORACLE, 36.0)
    client = Client("mistaken", mistaken, checker, 0.001)
    client.start()
    until(lambda: len(calls) > 1, "it goes on")
    client.stop()
    client.join(10)
    assert "KeyError: 'markPrice'" in client.failure
    assert checker.wrong[0] == "KeyError: 'markPrice'"


def test_one_client_of_each_kind() -> None:
    made = clients(free_port(), ORACLE, 36.0, 1)
    assert [each.name.split()[0] for each in made] == ["one", "one", "batch", "all", "health"]
