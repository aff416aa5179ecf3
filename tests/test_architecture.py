"""The floors: who may import what. See the README's picture of the rooms."""

import ast
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PURE = {
    *("alerts", "answers", "backoff", "compare", "consumer_settings", "continuity", "exchanges"),
    *("feed", "handoff", "health", "open_interest", "orders", "quote", "secret", "settings"),
    *("spikes", "universe"),
}
"""Floor 1: no I/O and no clock; the two rooms of settings alone look at the environment."""

OUTSIDE: dict[str, str | None] = {
    "clock": None,
    "control": None,
    "deadline": None,
    "guard": "supervisor",
    "hosts": None,
    "logs": None,
    "machine": None,
    "post": "urllib3",
    "probe": None,
    "rest": "urllib3",
    "routes": "bottle",
    "server": "waitress",
    "startup": None,
    "store": "apsw",
    "wire": "websocket",
}
"""Floor 2: one outside world each, and one library that nobody else imports."""

SHARED = {"urllib3": {"post", "rest"}}
"""But this: `rest` asks the exchange and keeps accounts and bans, `post` tells backends."""

HANDS = {
    *("client", "comparer", "consuming", "ingestion", "link", "liquid", "lookout"),
    *("marks", "outbox", "overseer", "poller", "pool", "volume"),
}
"""Between floors 2 and 3: the programs' moving parts; what meets the world is handed in."""

ENVIRONMENT = {"settings", "consumer_settings"}
FORBIDDEN_IN_PURE = {
    "time",
    "socket",
    "subprocess",
    "random",
    "logging",
    "sqlite3",
    "urllib.request",
}
MODULES = sorted((ROOT / "funding").rglob("*.py"))
PROGRAM_LIBRARIES = {"volume_alert.py": {"tqdm"}, "oi_poller.py": {"tqdm"}}
PROGRAMS = [
    *(ROOT / name for name in ("ingest.py", "api.py", "watchdog.py")),
    *sorted((ROOT / "consumers").glob("*.py")),
]


def imports(path: Path) -> set[str]:
    """The full names that `path` imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return names


def room(path: Path) -> str:
    """The room of a module of the package: its first name below funding/."""
    return path.relative_to(ROOT / "funding").parts[0].removesuffix(".py")


def third_party(path: Path) -> set[str]:
    """The top names `path` imports that are neither ours nor the standard library's."""
    tops = {name.partition(".")[0] for name in imports(path)}
    return tops - sys.stdlib_module_names - {"funding", "sim", "tests", "_typeshed"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_stays_on_its_floor(path: Path) -> None:
    here, names = room(path), imports(path)
    if here in ("errors", "__init__"):
        assert not names
    elif here in PURE:
        assert third_party(path) <= {"msgspec"}
        assert not names & FORBIDDEN_IN_PURE
        ours = {n.split(".")[1] for n in names if n.startswith("funding.") and n.count(".") >= 1}
        assert ours <= PURE | {"errors"}, "a pure module leans on one that meets the world"
    elif here in HANDS:
        assert third_party(path) <= {"msgspec"}
    else:
        assert here in OUTSIDE, f"{here} stands on no floor: put it into the table"
        assert third_party(path) <= {"msgspec", OUTSIDE[here]}


def test_each_library_has_one_room() -> None:
    """Of the package; `msgspec` is everybody's, `tqdm` the consumers' own."""
    for library in {library for library in OUTSIDE.values() if library}:
        rooms = {name for name, each in OUTSIDE.items() if each == library}
        assert rooms == SHARED.get(library, rooms)
        assert len(rooms) == 1 or library in SHARED


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_settings_read_the_environment(path: Path) -> None:
    if room(path) not in ENVIRONMENT:
        assert "os.environ" not in path.read_text("utf-8")


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.name)
def test_programs_are_thin(path: Path) -> None:
    names = imports(path)
    assert not names & {"ingest", "api", "watchdog"}
    assert third_party(path) <= PROGRAM_LIBRARIES.get(path.name, set())
    assert len(path.read_text("utf-8").splitlines()) <= 150


def test_every_room_has_a_test() -> None:
    """One test module per room, named after it."""
    tested = {
        path.name.removeprefix("test_").removesuffix(".py")
        for path in (ROOT / "tests").glob("test_*.py")
    }
    without = {"__init__", "errors", "feed", "clock", "orders"}  # values and constants
    aliases = {
        "lookout": "overseer",
        "consuming": "consumers",
        "routes": "api",
        "secret": "consumer_settings",
    }
    rooms = {aliases.get(name, name) for name in map(room, MODULES) if name not in without}
    assert rooms <= tested, f"no tests/test_….py for {sorted(rooms - tested)}"


def test_the_stand_in_exchange_stands_alone() -> None:
    for path in (ROOT / "sim").rglob("*.py"):
        assert not any(n.partition(".")[0] == "funding" for n in imports(path)), path


def test_who_judges_the_soak_asks_nobody_of_the_service() -> None:
    """What was sent and what is stored is worked out without our own code."""
    for name in ("oracle", "answers", "web", "reading", "audit"):
        tops = {each.partition(".")[0] for each in imports(ROOT / "soak" / f"{name}.py")}
        assert not tops - sys.stdlib_module_names - {"sim", "soak"}, name
