"""Worlds of ingest, and its log."""

import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from funding.runtime import logs
from harness.processes import WAIT_SECONDS
from tests.support.ingest_world import IngestWorld


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Callable[..., IngestWorld]]:
    """Makes worlds on one file, and ends their threads."""
    made: list[IngestWorld] = []

    def make(**options: Any) -> IngestWorld:
        made.append(IngestWorld(tmp_path / "funding.db", **options))
        return made[-1]

    yield make
    for world in made:
        for receiver in world.receivers:
            receiver.stop()
            receiver.join(WAIT_SECONDS)
        world.reader.close()
        world.writer._database.connection.close()


@pytest.fixture
def world(worlds: Callable[..., IngestWorld]) -> IngestWorld:
    return worlds()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log, as a program writes it."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    stream = io.StringIO()
    for handler in handlers:
        root.removeHandler(handler)
    logs.setup("INFO", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
