"""A killed writer loses nothing that it acknowledged: some kills here, all in tests/faults/."""

from pathlib import Path

import pytest

from harness.durability.killing import kill_writers


def test_killed_writers_lose_nothing_that_they_acknowledged(tmp_path: Path) -> None:
    result = kill_writers(tmp_path / "funding.db", 15, seed=1)
    assert min(result.acknowledged.values()) > 0


def test_an_acknowledgement_before_the_commit_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="acknowledged"):
        kill_writers(tmp_path / "funding.db", 100, 2, "ack-first")
