"""What the tests of history.py's rooms share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.history_world import HistoryWorld


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "funding.db"


@pytest.fixture
def world(path: Path) -> Iterator[HistoryWorld]:
    path.parent.mkdir(exist_ok=True)
    with HistoryWorld(path) as made:
        yield made


@pytest.fixture
def single(path: Path) -> Iterator[HistoryWorld]:
    """With an exchange that answers about one contract at a time."""
    path.parent.mkdir(exist_ok=True)
    with HistoryWorld(path, at_once=False) as made:
        yield made
