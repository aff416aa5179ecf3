"""Is every acknowledged comparison still there? Checked before a database is destroyed, and at the
end, each time by a connection of sqlite3's own."""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = "soak"
_NUMBERS = f"SELECT rest_time FROM comparison WHERE source = '{SOURCE}'"
_BLOCK = 200
_HOPELESS = 50
_SALVAGE_SECONDS = 20.0


def acknowledged(path: Path) -> dict[int, float]:
    """The numbers that were acknowledged, and when (monotonic s)."""
    found = {}
    for line in path.read_text("ascii").splitlines():
        number, outcome, at = line.split()
        if outcome == "+":
            found[int(number)] = float(at)
    return found


def refused(path: Path) -> int:
    """How many were refused with an error."""
    return sum(" + " not in line for line in path.read_text("ascii").splitlines())


def stored(path: Path) -> set[int]:
    """The numbers in the database."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return {int(number) for (number,) in database.execute(_NUMBERS)}


def readable(path: Path) -> set[int]:
    """The numbers that can be read of a damaged database, block by block; the documentation says
    how many rows one lost page may cost."""
    found: set[int] = set()
    failures = first = 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        while failures < _HOPELESS:
            rows: list[tuple[int]] = []
            with suppress(sqlite3.Error):
                rows = database.execute(
                    f"{_NUMBERS} AND id > ? AND id <= ?", (first, first + _BLOCK)
                ).fetchall()
            failures = 0 if rows else failures + 1
            found |= {int(number) for (number,) in rows}
            first += _BLOCK
    return found


def integrity(path: Path) -> str:
    """What `PRAGMA integrity_check` says."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return "; ".join(str(row[0]) for row in database.execute("PRAGMA integrity_check"))
    except sqlite3.Error as error:
        return f"{type(error).__name__}: {error}"


def lost(must: Iterable[int], present: set[int]) -> list[int]:
    """Those of `must` that are not there."""
    return sorted(set(must) - present)


@dataclass(slots=True)
class Audit:
    """What was looked for and found. The era is that of the present database."""

    database: Path
    file: Path
    era: float = -1.0
    salvage: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    missing: list[int] = field(default_factory=list)
    unsalvaged: list[int] = field(default_factory=list)
    salvaged: int = 0
    checks: list[str] = field(default_factory=list)
    _asides: set[Path] = field(default_factory=set)

    def check(self) -> None:
        """Everything of this era, and what had to be copied into it."""
        must = {number for number, at in acknowledged(self.file).items() if at > self.era}
        present: set[int] = set()
        for _ in self._attempts():
            with suppress(sqlite3.Error):
                present = stored(self.database)
                if self.salvage <= present:
                    break
        self.asked |= must
        self.missing += lost(must, present)
        self.unsalvaged += lost(self.salvage, present)
        self.salvaged += len(self.salvage & present)
        self.salvage = set()
        self.checks.append(integrity(self.database))

    def database_replaced(self, now: float) -> None:
        """Another database is in place: what can be read of the one set aside must be copied."""
        self.era = now
        for aside in sorted(self.database.parent.glob("funding-damaged-*.db")):
            if aside not in self._asides:
                self._asides.add(aside)
                with suppress(sqlite3.Error):
                    self.salvage |= readable(aside)

    def excused(self) -> int:
        """How many were acknowledged in a database that was then destroyed, and are not there."""
        gone = set(acknowledged(self.file))
        with suppress(sqlite3.Error):
            gone -= stored(self.database)
        return len(gone - set(self.missing) - set(self.unsalvaged))

    @staticmethod
    def _attempts() -> Iterator[None]:
        end = time.monotonic() + _SALVAGE_SECONDS
        while time.monotonic() < end:
            yield
            time.sleep(0.2)
