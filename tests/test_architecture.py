"""The floors: who may import what. See the picture in docs/development.md."""

import ast
import fnmatch
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PURE = {
    "model",
    "settings/secret",
    "settings/table",
    "exchanges",
    "comparison",
    "statistics",
    "health",
    "api/meter",
    "api/parameters",
    "api/quotes",
    "api/responses",
    "api/stream_events",
    "api/tables",
    "runtime/backoff",
    "runtime/schedule",
    "ingest/connection_events",
    "ingest/connection_policy",
    "ingest/connection_slot",
    "ingest/bars",
    "ingest/liveness",
    "ingest/meaning",
    "ingest/symbol_classes",
    "history/backfill_rules",
    "history/contract_rules",
    "history/gap_rules",
    "history/settlement_rules",
    "history/standby_rules",
    "ingest/track",
    "watchdog/alert_rules",
    "watchdog/alert_words",
    "watchdog/restart_decision",
    "watchdog/restart_rules",
    "watchdog/troubles",
    "nats/addresses",
    "nats/asking",
    "nats/clocks",
    "nats/latest",
    "nats/messages",
    "nats/subjects",
    "replica/heartbeats",
    "replica/trail",
    "publish/kept_rules",
    "publish/leadership",
    "client/mode",
    "consumers/open_interest_rules",
    "consumers/backend_posts",
    "consumers/universe_rules",
    "consumers/volume_rules",
}
"""Floor 1: no I/O, no clock, no threads; `now` is a parameter."""

OUTSIDE: dict[str, str | None] = {
    "settings": None,
    "startup": None,
    "runtime": None,
    "runtime/progress": "tqdm",
    "store": "apsw",
    "ingest/websocket": "websocket",
    "rest/transport": "urllib3",
    "api/host_check": None,
    "api/dispatcher": "waitress",
    "api/metrics": "prometheus_client",
    "api/router": "bottle",
    "api/server": "waitress",
    "watchdog/probe": None,
    "watchdog/supervisor": None,
    "watchdog/supervisor_plugin": "supervisor",
    "notify/backend": "urllib3",
    "nats": "nats",
}
"""Floor 2: one outside world each, and the one library that it may import beside msgspec."""

MOVING = {
    "rest",
    "ingest",
    "history",
    "watchdog",
    "notify",
    "client",
    "consumers",
    "replica",
    "api",
    "publish",
}
"""Floor 3: moving parts, with the world handed in."""

FLOORS: dict[int, Collection[str]] = {0: {"errors"}, 1: PURE, 2: OUTSIDE, 3: MOVING}

PAIRS = {
    ("startup", "settings"),
    ("watchdog/supervisor_plugin", "settings"),
    ("api/server", "api/dispatcher"),
    ("ingest/websocket", "settings"),
    ("notify/backend", "rest/transport"),
    ("rest/transport", "settings"),
    ("client", "rest"),
    ("consumers", "client"),
    ("consumers", "notify"),
    ("consumers", "rest"),
    ("history", "rest"),
    ("watchdog", "notify"),
    ("watchdog", "rest"),
}
"""Which room of floors 2 and 3 imports which other one of its own floor. `runtime`, this process on
this machine, is at hand everywhere."""

THREADS_AND_WORLD = {
    *("time", "socket", "ssl", "subprocess", "random", "secrets", "logging", "sqlite3", "signal"),
    *("threading", "concurrent", "multiprocessing", "asyncio", "queue", "select", "selectors"),
    *("urllib.request", "http.client", "os", "fcntl", "mmap", "shutil", "tempfile", "io"),
}
CLOCK_AND_FILES = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "open",
    "print",
}
ENVIRONMENT = {"settings"}
MODULES = [
    path
    for path in sorted((ROOT / "funding").rglob("*.py"))
    if path != ROOT / "funding" / "__init__.py"
]
PROGRAMS = [
    *(ROOT / name for name in ("ingest.py", "api.py", "history.py", "publish.py", "watchdog.py")),
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


def calls(path: Path) -> set[str]:
    """What `path` calls, as it is written: `datetime.now`."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}


def place(path: Path) -> str:
    """`funding/store/reader.py` is at `store/reader`."""
    return str(path.relative_to(ROOT / "funding").with_suffix(""))


PLACES = {place(path) for path in MODULES}


def within(where: str, table: Collection[str]) -> str | None:
    """The entry of `table` that holds `where`: the module itself, or its room."""
    parts = where.split("/")
    above = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((each for each in above if each in table), None)


def ours(path: Path) -> set[str]:
    """The places in funding/ of the modules that `path` imports, at any level."""
    found = set()
    for name in imports(path):
        top, *parts = name.split(".")
        ways = ["/".join(parts), "/".join(parts[:-1]), "/".join([*parts[:-1], "__init__"])]
        if top == "funding" and not (ROOT / "funding" / ways[0]).is_dir():
            found |= set([way for way in ways if way in PLACES][:1])
    return found


def floor(where: str) -> int:
    """The floor that the table gives `where`; a module that stands on none is a KeyError."""
    found = [number for number, table in FLOORS.items() if within(where, table)]
    if not found:
        raise KeyError(f"{where} stands on no floor: put it into the table")
    return found[0]


def room(where: str) -> str:
    """What the table calls the room of `where`, on whichever floor."""
    return within(where, FLOORS[floor(where)]) or where


def neighbours(path: Path) -> set[tuple[str, str]]:
    """Which room on the floor of `path` imports which other one there, for `path`'s part."""
    here = place(path)
    mine = floor(here)
    others = {room(at) for at in ours(path) if floor(at) == mine} - {room(here), "runtime"}
    return {(room(here), other) for other in others}


def third_party(path: Path) -> set[str]:
    """The top names `path` imports that are neither ours nor the standard library's."""
    tops = {name.partition(".")[0] for name in imports(path)}
    return tops - sys.stdlib_module_names - {"funding", "harness", "tests", "_typeshed"}


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_module_stays_on_its_floor(path: Path) -> None:
    here = place(path)
    assert all(floor(at) <= floor(here) for at in ours(path)), "it imports from a higher floor"
    if floor(here) == 0:
        assert not imports(path)
    elif floor(here) == 2:
        assert third_party(path) <= {"msgspec", OUTSIDE[room(here)]}
    else:
        assert third_party(path) <= {"msgspec"}


@pytest.mark.parametrize("path", [path for path in MODULES if floor(place(path)) == 1], ids=place)
def test_a_pure_module_meets_neither_threads_nor_clock_nor_world(path: Path) -> None:
    names = imports(path)
    parts = {".".join(name.split(".")[:count]) for name in names for count in (1, 2)}
    assert not parts & THREADS_AND_WORLD
    assert not calls(path) & CLOCK_AND_FILES


def test_rooms_of_one_floor_import_each_other_only_in_named_pairs() -> None:
    """Pure rooms may lean on each other; the named pairs are all in use."""
    found = {pair for path in MODULES if floor(place(path)) > 1 for pair in neighbours(path)}
    assert found == PAIRS


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
    assert not third_party(path)
    assert len(path.read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize(
    "path", [*PROGRAMS, *(ROOT / "scripts").glob("*.py")], ids=lambda path: path.stem
)
def test_programs_do_not_import_each_other(path: Path) -> None:
    tops = {name.partition(".")[0] for name in imports(path)}
    assert not tops & {"ingest", "api", "history", "publish", "watchdog", "consumers", "scripts"}


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_module_has_a_test_file(path: Path) -> None:
    if path.name != "__init__.py":
        expected = (ROOT / "tests" / path.relative_to(ROOT)).with_name(f"test_{path.name}")
        assert expected.exists(), expected


@pytest.mark.parametrize(("number", "table"), [(1, PURE), (2, set(OUTSIDE)), (3, MOVING)])
def test_the_documented_floors_are_these(number: int, table: set[str]) -> None:
    page = (ROOT / "docs" / "development.md").read_text("utf-8").partition("## Floors")[2]
    row = next(line for line in page.splitlines() if line.startswith(f"| {number}"))
    patterns = re.findall(r"`([\w/*]+)`", row.split(" | ")[1])
    assert {room for pattern in patterns for room in fnmatch.filter(table, pattern)} == table
    assert all(fnmatch.filter(table, pattern) for pattern in patterns)


def test_the_stand_in_exchange_stands_alone() -> None:
    for path in (ROOT / "harness" / "sim").rglob("*.py"):
        assert not any(n.partition(".")[0] == "funding" for n in imports(path)), path


def test_the_judges_of_the_soak_import_nothing_of_the_service() -> None:
    """What was sent and what is stored is worked out without our own code."""
    for name in ("oracle", "answer_checks", "api_connection", "database_reader", "audit"):
        tops = {n.partition(".")[0] for n in imports(ROOT / "harness/soak" / f"{name}.py")}
        assert not tops - sys.stdlib_module_names - {"harness"}, name
