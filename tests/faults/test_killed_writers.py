"""Five hundred writers killed at random moments, on ten databases."""

from pathlib import Path

import pytest

from harness.durability.killing import Kills, kill_writers
from tests.faults.conftest import Record

pytestmark = pytest.mark.faults
KILLS, DATABASES = 500, 10


def test_five_hundred_killed_writers(tmp_path: Path, record: Record) -> None:
    result = Kills()
    for seed in range(DATABASES):
        result += kill_writers(tmp_path / f"{seed}.db", KILLS // DATABASES, seed)
    assert result.kills >= KILLS
    record(f"{result.kills} writers kill -9", "nothing acknowledged is lost", str(result))
