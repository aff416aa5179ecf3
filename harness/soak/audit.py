"""Is every acknowledged comparison still there, and does what history and signals say agree with
itself? Checked before a database is destroyed, and at the end, each time by a connection of
sqlite3's own."""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = "soak"
_NUMBERS = f"SELECT rest_time FROM comparison WHERE source = '{SOURCE}'"
_TWICE = """
SELECT one.symbol || ' settled twice at ' || one.funding_time
FROM funding_rate AS one JOIN funding_rate AS two USING (exchange, symbol, rate_type)
WHERE two.funding_time > one.funding_time AND two.funding_time < one.funding_time + 1800000
"""
_CROSSED_TWICE = """
WITH crossed AS (
    SELECT id, lag(id) OVER own AS before, exchange, symbol, detail,
        zone || iif(zone = 'normal', '', z_score > 0) AS level,
        lag(zone || iif(zone = 'normal', '', z_score > 0)) OVER own AS level_before
    FROM signal WHERE kind = 'zone' AND symbol <> '*' AND at >= ?1
    WINDOW own AS (PARTITION BY exchange, symbol ORDER BY id)
)
SELECT symbol || ' crossed twice: ' || detail FROM crossed
WHERE level = level_before AND NOT EXISTS (
    SELECT 1 FROM signal AS storm
    WHERE storm.symbol = '*' AND storm.kind = 'zone' AND storm.id BETWEEN before AND crossed.id
)
"""
_FROM_REST = """
SELECT quote.symbol || ' is still of REST' FROM quote JOIN contract USING (exchange, symbol)
WHERE source = 'rest' AND status = 'TRADING'
"""
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


def contradictions(path: Path, since: float) -> list[str]:
    """Settled rates that are there twice, and lines that were crossed twice in the same direction
    since Unix seconds: one crossing is one signal."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        found = [*database.execute(_TWICE), *database.execute(_CROSSED_TWICE, (since,))]
        return [text for (text,) in found]


def told(path: Path) -> tuple[int, int]:
    """How many settled rates and signals there are."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        counts = "SELECT (SELECT count(*) FROM funding_rate), (SELECT count(*) FROM signal)"
        ((rates, signals),) = database.execute(counts)
        return rates, signals


def filled_in(path: Path) -> list[str]:
    """Quotes that are of REST although the stream flows."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return [text for (text,) in database.execute(_FROM_REST)]


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
    """What was looked for and found. The era is that of the present database, which began at
    `began` (Unix seconds)."""

    database: Path
    file: Path
    era: float = -1.0
    began: float = 0.0
    salvage: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    missing: list[int] = field(default_factory=list)
    unsalvaged: list[int] = field(default_factory=list)
    salvaged: int = 0
    checks: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    told: tuple[int, int] = (0, 0)
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
        with suppress(sqlite3.Error):
            self.contradictions += contradictions(self.database, self.began)
            self.told = max(self.told, told(self.database))

    def check_stream(self) -> None:
        """At the end, when everything has recovered: the stream has taken over from REST."""
        left: list[str] = []
        for _ in self._attempts():
            with suppress(sqlite3.Error):
                left = filled_in(self.database)
                if not left:
                    break
        self.contradictions += left

    def database_replaced(self, now: float) -> None:
        """Another database is in place: what can be read of the one set aside must be copied."""
        self.era, self.began = now, time.time()
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
