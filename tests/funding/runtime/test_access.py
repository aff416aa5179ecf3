"""What is closed to this user, asked by a process that is not allowed to pass over permissions."""

import os
import sys
from pathlib import Path

import pytest

from funding.runtime import access
from tests.support.other_user import as_others, of_somebody_else

ASK = """
import sys; from funding.runtime import access
print(access.closed(sys.argv[1], writing=sys.argv[2] == "w", endings=access.DATABASE), end="")
"""


def asked(path: Path, right: str = "r") -> str:
    """What such a process is told of the database at `path`."""
    done = as_others([sys.executable, "-c", ASK, path, right])
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A folder with what SQLite makes of a database."""
    path = tmp_path / "var" / "funding.db"
    path.parent.mkdir()
    for ending in access.DATABASE:
        Path(f"{path}{ending}").write_bytes(b"x")
    return path


def test_what_is_open_to_this_user_is_not_closed(database: Path) -> None:
    assert (asked(database), asked(database, "w")) == ("", "")


def test_what_is_not_there_is_not_closed(database: Path) -> None:
    assert asked(database.with_name("other.db")) == ""
    assert asked(database.parent / "no" / "such" / "folder.db") == ""


@pytest.mark.parametrize("closed", ["", "funding.db", "funding.db-wal", "funding.db-shm"])
def test_closed_folder_or_file_is_named_with_its_owner_and_the_way(
    database: Path, closed: str
) -> None:
    place = database.parent / closed
    with of_somebody_else(place):
        told = asked(database)
        owner = place.owner()
    assert told.startswith("closed to user ")
    assert f": {place} belongs to {owner} (mode 0" in told
    assert f"Run this as {owner}, or open it to others" in told
    assert "docs/operations.md" in told


def test_what_a_group_may_do_is_open_to_who_joins_it(database: Path) -> None:
    with of_somebody_else(database.parent, 0o750):
        told, group = asked(database), database.parent.group()
        assert f"or become a member of {group}: see" in told
        assert "or open it to others: see" in asked(database, "w")
    with of_somebody_else(database, 0o640):
        assert f"or become a member of {group}: see" in asked(database)


def test_file_that_may_only_be_read_is_closed_to_writing_alone(database: Path) -> None:
    with of_somebody_else(database, 0o644 if os.geteuid() == 0 else 0o444):
        database.chmod(0o444)
        assert asked(database) == ""
        assert asked(database, "w").startswith("read-only for user ")


def test_link_to_a_closed_folder_is_closed(database: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(database)
    with of_somebody_else(database.parent):
        assert f": {database.parent} belongs to " in asked(link)


def modes(database: Path) -> list[int]:
    """Of the three files."""
    return [Path(f"{database}{ending}").stat().st_mode & 0o7777 for ending in access.DATABASE]


@pytest.mark.parametrize(("folder", "files"), [(0o2750, 0o640), (0o750, 0o600), (0o2700, 0o600)])
def test_group_reads_the_database_where_the_folder_is_for_it(
    database: Path, folder: int, files: int
) -> None:
    for ending in access.DATABASE:
        Path(f"{database}{ending}").chmod(0o600)
    database.parent.chmod(folder)
    access.share_with_group(database)
    assert modes(database) == [files] * 3


def test_files_that_are_not_there_are_not_made(tmp_path: Path) -> None:
    tmp_path.chmod(0o2750)
    access.share_with_group(tmp_path / "funding.db")
    assert list(tmp_path.iterdir()) == []
