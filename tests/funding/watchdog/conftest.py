"""What the tests of the watchdog share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
