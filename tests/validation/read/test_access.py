"""The report's own word on what is closed to this user is that of the programs."""

import sys
from pathlib import Path

import pytest

from tests.support.other_user import as_others, of_somebody_else

ASK = """
import sys; from pathlib import Path
from funding.runtime import access as ours; from validation.read import access as theirs
path = Path(sys.argv[1])
for writing in (False, True):
    told = theirs.closed(path, writing=writing)
    print(told); assert told == ours.closed(path, writing=writing, endings=ours.DATABASE)
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
    reading, writing = done.stdout.splitlines()
    assert reading.startswith("closed to user ")
    assert writing.startswith("read-only for user ")
    open_to_all = as_others([sys.executable, "-c", ASK, folder / "funding.db"])
    assert (open_to_all.stdout, open_to_all.stderr) == ("\n\n", "")
