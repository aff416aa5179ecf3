"""What a fault meets and can do, without a service: nothing runs here."""

import random
from pathlib import Path
from typing import Any

import pytest

from harness.group import Group, NotRunning
from harness.soak.environment import PROGRAMS, Environment
from tests.harness.soak.worlds import ORACLE, SPEED


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    nothing: Any = None
    return Environment(Group(tmp_path, nothing), ORACLE, SPEED, random.Random(1))


def test_what_does_not_run_is_neither_fresh_nor_signalled(environment: Environment) -> None:
    assert not environment.is_fresh(0)
    assert environment.signal(0, PROGRAMS) == {}
    assert not environment.are_replaced({PROGRAMS[0]: 1})


def test_damage_that_fails_ends_the_soak(environment: Environment) -> None:
    with pytest.raises(NotRunning, match="deleted: status 1"):
        environment.damage("deleted")
    environment.group.database.parent.mkdir()
    environment.group.database.touch()
    assert environment.damage("deleted")
    assert not environment.damage("page")
