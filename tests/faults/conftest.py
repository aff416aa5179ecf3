"""What the catalogue's modules share: services that wait to be broken, and the table in the end."""

from collections.abc import Callable, Iterator

import pytest

from harness.group import Group
from tests.faults.catalogue import GOALS, SHORT, SHORT_TICK
from tests.support.service import healthy_service

Record = Callable[[str, str, str], None]
SEEN: list[tuple[str, str, str]] = []


@pytest.fixture(scope="session", autouse=True)
def goals(request: pytest.FixtureRequest) -> None:
    """They are held when the whole catalogue runs, by itself."""
    GOALS.held = "not faults" not in request.config.option.markexpr


@pytest.fixture(scope="session")
def short() -> Iterator[Group]:
    """A service with few symbols, short ticks and short settings."""
    with healthy_service(*SHORT_TICK, **SHORT) as service:
        yield service


@pytest.fixture
def record() -> Record:
    """Puts a line into the table: fault, goal, what was seen."""

    def put(fault: str, goal: str, seen: str) -> None:
        SEEN.append((fault, goal, seen))

    return put


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table: fault | goal | seen."""
    if not SEEN:
        return
    widths = [max(len(row[column]) for row in SEEN) for column in (0, 1)]
    terminalreporter.section("faults")
    for fault, goal, seen in SEEN:
        terminalreporter.write_line(f"{fault:{widths[0]}} | {goal:{widths[1]}} | {seen}")
