"""What the tests of the watchdog share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from funding.watchdog import probe, supervisor
from harness.processes import WAIT_SECONDS
from tests.support.clock import ManualClock
from tests.support.compared_service import ComparedService, quote
from tests.support.watched_service import WatchedService


@pytest.fixture
def service(short_path: Path) -> Iterator[WatchedService]:
    made = WatchedService(short_path)
    yield made
    made.close()


@pytest.fixture
def compared(tmp_path: Path) -> ComparedService:
    made = ComparedService(tmp_path / "funding.db", ManualClock())
    made.write(quote(), quote("ETHUSDT"))
    return made


@pytest.fixture(autouse=True, scope="session")
def patient_client() -> Iterator[None]:
    """A busy machine may take longer than the watchdog waits for an answer, above all to start
    supervisord.

    The tests of that timeout set their own.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module in (probe, supervisor):
            patch.setattr(module, "TIMEOUT_SECONDS", WAIT_SECONDS)
        yield
