"""The floors: who may import what. See the picture in docs/development.md."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PURE = {
    "model",
    "settings/secret",
    "settings/table",
    "exchanges",
    "comparison",
    "health",
    "api/responses",
    "runtime/backoff",
    "runtime/schedule",
    "ingest/connection_events",
    "ingest/connection_policy",
    "ingest/connection_slot",
    "ingest/liveness",
    "ingest/symbol_classes",
    "watchdog/restart_rules",
    "client/mode",
    "consumers/open_interest_rules",
    "consumers/backend_posts",
    "consumers/universe_rules",
    "consumers/volume_rules",
}
"""Floor 1: no I/O, no clock, no threads; `now` is a parameter."""

OUTSIDE: dict[str, str | None] = {
    "settings": None,
    "runtime": None,
    "runtime/progress": "tqdm",
    "store": "apsw",
    "ingest/websocket": "websocket",
    "rest/transport": "urllib3",
    "api/host_check": None,
    "api/dispatcher": "waitress",
    "api/routes": "bottle",
    "api/server": "waitress",
    "watchdog/probe": None,
    "watchdog/supervisor": None,
    "watchdog/supervisor_plugin": "supervisor",
    "notify/backend": "urllib3",
}
"""Floor 2: one outside world each, and the one library that it may import beside msgspec."""

PAIRS = {
    ("api/server", "api/dispatcher"),
    ("notify", "runtime"),
}
"""What a room of floor 2 may import of another one, beside `runtime` and `settings`, which describe
this process and are at hand everywhere."""

MOVING = {"rest", "ingest", "watchdog", "notify", "client", "consumers", "api"}
"""Floor 3: moving parts, with the world handed in."""

THREADS_AND_WORLD = {
    *("time", "socket", "subprocess", "random", "logging", "sqlite3", "urllib.request"),
    *("threading", "concurrent.futures", "multiprocessing", "os", "select", "selectors"),
}
ENVIRONMENT = {"settings"}
MODULES = sorted((ROOT / "funding").rglob("*.py"))
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


def place(path: Path) -> str:
    """`funding/store/reader.py` is at `store/reader`."""
    return str(path.relative_to(ROOT / "funding").with_suffix(""))


def within(where: str, table: set[str] | dict[str, str | None]) -> str | None:
    """The entry of `table` that holds `where`: the module itself, or its room."""
    parts = where.split("/")
    above = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((each for each in above if each in table), None)


def ours(path: Path) -> set[str]:
    """The places in funding/ of the modules that `path` imports, at any level."""
    known = {place(each) for each in MODULES}
    found = set()
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "funding":
            found |= {at for at in ("/".join(parts[1:]), "/".join(parts[1:-1])) if at in known}
    return found


def third_party(path: Path) -> set[str]:
    """The top names `path` imports that are neither ours nor the standard library's."""
    tops = {name.partition(".")[0] for name in imports(path)}
    return tops - sys.stdlib_module_names - {"funding", "harness", "tests", "_typeshed"}


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_module_stays_on_its_floor(path: Path) -> None:
    here = place(path)
    if here == "errors":
        assert not imports(path)
    elif within(here, PURE) is not None:
        assert third_party(path) <= {"msgspec"}
        assert not imports(path) & THREADS_AND_WORLD
        lower = {at for at in ours(path) if within(at, PURE) is None and at != "errors"}
        assert not lower, "a pure module leans on one that meets the world"
    elif (room := within(here, OUTSIDE)) is not None:
        assert third_party(path) <= {"msgspec", OUTSIDE[room]}
    elif not here.endswith("__init__"):
        assert within(here, MOVING) is not None, f"{here} stands on no floor: put it into the table"
        assert third_party(path) <= {"msgspec"}


def test_each_library_has_one_room() -> None:
    """In the package: `msgspec` is everybody's. Two have two: urllib3 in the exchange and the
    backends, waitress in its loop and its dispatcher."""
    for library in {library for library in OUTSIDE.values() if library}:
        importers = {place(path) for path in MODULES if library in third_party(path)}
        rooms = {within(each, OUTSIDE) for each in importers}
        assert len(rooms) == (2 if library in ("urllib3", "waitress") else 1), (library, rooms)


def circles(edges: dict[str, set[str]]) -> Iterator[str]:
    """The modules that reach themselves."""
    for start in edges:
        seen: set[str] = set()
        ahead = list(edges[start])
        while ahead:
            each = ahead.pop()
            if each not in seen:
                seen.add(each)
                ahead += edges[each]
        if start in seen:
            yield start


def test_no_import_circles() -> None:
    """Type-only imports included."""
    edges = {place(path): ours(path) - {place(path)} for path in MODULES}
    assert list(circles(edges)) == []


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_package_files_hold_nothing(path: Path) -> None:
    """An `__init__` is empty or a docstring; the client's alone is the installed package's face."""
    if path.name == "__init__.py" and path.parent.name not in ("client", "funding"):
        body = ast.parse(path.read_text("utf-8")).body
        assert all(isinstance(node, ast.Expr) for node in body)


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_only_the_settings_read_the_environment(path: Path) -> None:
    if within(place(path), ENVIRONMENT) is None:
        assert "os.environ" not in path.read_text("utf-8")


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.name)
def test_programs_are_thin(path: Path) -> None:
    names = imports(path)
    assert not names & {"ingest", "api", "watchdog"}
    assert not third_party(path)
    assert len(path.read_text("utf-8").splitlines()) <= 150


def test_every_room_has_tests() -> None:
    folder = ROOT / "tests" / "funding"
    tested = {path.relative_to(folder).parts[0] for path in folder.rglob("test_*.py")}
    rooms = {place(path).partition("/")[0] for path in MODULES}
    assert rooms - {"errors", "__init__"} <= tested


def test_the_stand_in_exchange_stands_alone() -> None:
    for path in (ROOT / "harness" / "sim").rglob("*.py"):
        assert not any(n.partition(".")[0] == "funding" for n in imports(path)), path


def test_who_judges_the_soak_asks_nobody_of_the_service() -> None:
    """What was sent and what is stored is worked out without our own code."""
    for name in ("oracle", "answer_checks", "api_connection", "database_reader", "audit"):
        tops = {n.partition(".")[0] for n in imports(ROOT / "harness/soak" / f"{name}.py")}
        assert not tops - sys.stdlib_module_names - {"harness"}, name
