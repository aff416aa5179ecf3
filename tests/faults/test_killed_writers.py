"""Five hundred writers killed at random instants, on ten databases."""

from pathlib import Path

import pytest

from tests.durability import Toll, kill_writers
from tests.faults.conftest import Record

pytestmark = pytest.mark.faults
KILLS, DATABASES = 500, 10


def test_five_hundred_killed_writers(tmp_path: Path, record: Record) -> None:
    toll = Toll()
    for seed in range(DATABASES):
        toll += kill_writers(tmp_path / f"{seed}.db", KILLS // DATABASES, seed)
    assert toll.kills >= KILLS
    record(f"{toll.kills} writers kill -9", "nothing that was told of is lost", str(toll))
