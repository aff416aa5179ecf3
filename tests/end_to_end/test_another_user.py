"""Another Unix user beside the service: each command says who may read the database and how that
is changed. Closed is neither missing nor unhealthy, and no verdict."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.other_user import as_others, of_somebody_else
from tests.support.store import feed_of, quote, received, writing

CLIENT = """
from funding.client import FundingClient
with FundingClient("websocket") as client:
    print(client.decision.why)
"""
COMMANDS = {
    "watchdog.py --once": 2,
    "scripts/validate_report.py": 2,
    "scripts/compare_all.py": 2,
    "ingest.py --prepare": 1,
    "ingest.py": 1,
    "consumers/oi_poller.py --once": 1,
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    """A database that an ingest writes to."""
    path, feed = tmp_path / "var" / "funding.db", feed_of("127.0.0.1")
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
        yield path


def settings(database: Path) -> dict[str, Any]:
    """Nothing beside the database answers."""
    return {
        "FUNDING_DB": database,
        "FUNDING_SUPERVISOR": database.parent / "supervisor.sock",
        "FUNDING_REST_URL": "http://127.0.0.1:1",
        "FUNDING_API_PORT": 1,
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_command_says_who_may_read_and_how_that_is_changed(database: Path, command: str) -> None:
    folder = database.parent
    with of_somebody_else(folder):
        owner = folder.owner()
        result = as_others([sys.executable, *command.split()], **settings(database))
    told = result.stdout + result.stderr
    # ingest, which writes, asks for its lock first: a file beside the database.
    assert re.search(
        rf"{re.escape(str(database))}(\.ingest\.lock)?: (closed to|read-only for) user ", told
    )
    assert f"{folder} belongs to {owner} (mode 0" in told
    assert f"Run this as {owner}, or open it to others" in told
    assert result.returncode == COMMANDS[command], told
    for wrong in ("UNHEALTHY", "NO-GO", "is not there", "there is no database", "Traceback"):
        assert wrong not in told


def test_client_says_why_it_runs_as_parallel(database: Path) -> None:
    with of_somebody_else(database.parent):
        result = as_others([sys.executable, "-c", CLIENT], **settings(database))
    for told in (result.stdout, result.stderr):  # `why`, and the log of a script that sets up none
        assert "running as parallel" in told
        assert f"{database}: closed to user " in told
        assert "open it to others" in told


def test_closed_file_of_settings_is_named_with_its_owner(database: Path) -> None:
    file = database.with_name("their.env")
    file.touch(0o600)
    for command, code in (("watchdog.py", 2), ("scripts/validate_report.py", 2)):
        with of_somebody_else(file, 0o600):
            owner = file.owner()
            result = as_others([sys.executable, command], FUNDING_ENV_FILE=file)
        assert result.returncode == code
        (line,) = (result.stdout + result.stderr).splitlines()
        assert f"{file} belongs to {owner} (mode 0" in line


def test_group_that_may_read_gets_reports_and_says_what_it_cannot_store(database: Path) -> None:
    """As docs/operations.md opens the database to others."""
    for file in database.parent.glob("funding.db*"):
        file.chmod(0o444)
    database.parent.chmod(0o555)
    try:
        once, compared = (
            as_others([sys.executable, *command.split()], **settings(database))
            for command in ("watchdog.py --once", "scripts/compare_all.py")
        )
    finally:
        database.parent.chmod(0o700)
        for file in database.parent.glob("funding.db*"):
            file.chmod(0o600)
    assert "INFO" in once.stdout
    assert f"no comparison with REST: {database}: read-only for user " in once.stdout
    assert "read-only for user " in compared.stderr
    assert compared.returncode == 2
    assert "Traceback" not in once.stderr + compared.stderr


@pytest.mark.parametrize("command", ["watchdog.py --once", "scripts/validate_report.py"])
def test_reader_of_a_database_that_nobody_has_open_is_told_to_start_the_service(
    tmp_path: Path, command: str
) -> None:
    path, feed = tmp_path / "var" / "funding.db", feed_of("127.0.0.1")
    with writing(path, feed) as writer:
        writer.write(feed, received(quote()))
    path.chmod(0o444)
    with of_somebody_else(path.parent, 0o755):
        result = as_others([sys.executable, *command.split()], **settings(path))
    assert f"{path}: read-only for user " in result.stdout + result.stderr
    assert "start the service" in result.stdout + result.stderr
