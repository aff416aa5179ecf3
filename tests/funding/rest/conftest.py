"""A store, the clients of a group, and a stand-in exchange."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.stand_in import StandIn, stand_in
from tests.support.clock import ManualClock, write
from tests.support.rest_group import Group


@pytest.fixture
def hand() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path, hand: ManualClock) -> Path:
    """A store as ingest has made it."""
    write(tmp_path / "funding.db", hand.clock())
    return tmp_path / "funding.db"


@pytest.fixture
def group(path: Path, hand: ManualClock) -> Iterator[Group]:
    made = Group(path, hand)
    yield made
    made.close()


@pytest.fixture(scope="package")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with stand_in(tmp_path_factory.mktemp("exchange")) as made:
        yield made
