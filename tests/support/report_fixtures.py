"""Fair and hostile worlds as fixtures, for the conftest files that use them."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.report_world import END, build

HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture(scope="session")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fair") / "funding.db"
    build(path, seed=1)
    return path


@pytest.fixture
def few_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worlds of the tests are small."""
    monkeypatch.setenv("FUNDING_MIN_SYMBOLS", "20")


@pytest.fixture
def world(fair: Path, tmp_path: Path, few_symbols: None) -> Path:
    """A fair day of a test's own, to be spoilt."""
    return Path(shutil.copy(fair, tmp_path / "funding.db"))


@pytest.fixture
def hostile(world: Path) -> Path:
    with closing(sqlite3.connect(world)) as connection, connection:
        connection.execute(
            "UPDATE comparison SET symbol = ? WHERE symbol = 'COIN2USDT'", (HOSTILE,)
        )
        connection.execute(
            "UPDATE comparison SET ws_value = ws_value * 3 WHERE symbol = ?", (HOSTILE,)
        )
        connection.execute(
            "INSERT INTO event (at, source, kind, detail) VALUES (?, 'x', 'crash', ?)",
            (END - 9, HOSTILE),
        )
    return world
