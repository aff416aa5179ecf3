"""The facts of one moment."""

from dataclasses import replace

import pytest

from funding.health.facts import Process, ProcessState
from tests.support.health_facts import HEALTHY


def test_program_is_found_by_name() -> None:
    ingest = HEALTHY.process("funding:ingest")
    assert ingest is not None
    assert ingest.pid == 17
    assert HEALTHY.process("funding:ing") is None
    assert replace(HEALTHY, processes=None).process("funding:ingest") is None


@pytest.mark.parametrize("state", ProcessState)
def test_only_a_process_in_state_running_is_running(state: ProcessState) -> None:
    assert Process("funding:ingest", state, 1).is_running is (state == "RUNNING")


@pytest.mark.parametrize(
    ("name", "expected"), [("api:api_00", True), ("funding:api", False), ("funding:ingest", False)]
)
def test_processes_of_the_api(name: str, expected: bool) -> None:
    assert Process(name, ProcessState.RUNNING, 1).is_api is expected
