"""The report's own word on what is closed to this user is that of the programs."""

import sys
from pathlib import Path

import pytest

from tests.support.other_user import as_others, of_somebody_else

ASK = """
import sys; from pathlib import Path
from funding.runtime import access as ours; from validation.read import access as theirs
path = Path(sys.argv[1])
print(theirs.closed(path)); assert theirs.closed(path) == ours.closed(path, endings=ours.DATABASE)
"""


@pytest.mark.parametrize("name", ["", "funding.db", "funding.db-wal", "funding.db-shm"])
def test_both_say_the_same(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    for ending in ("", "-wal", "-shm"):
        (folder / f"funding.db{ending}").touch()
    with of_somebody_else(folder / name):
        done = as_others([sys.executable, "-c", ASK, folder / "funding.db"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("closed to user ")
    open_to_all = as_others([sys.executable, "-c", ASK, folder / "funding.db"])
    assert (open_to_all.stdout, open_to_all.stderr) == ("\n", "")
