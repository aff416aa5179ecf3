"""README.md and docs/ against the code: what exists is described, and what is described exists."""

import ast
import configparser
import functools
import importlib
import itertools
import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from funding.api.routes import ENDPOINTS
from funding.model.event import EventKind
from funding.settings import alerts, consumers, machines, service
from funding.settings.table import Setting
from funding.watchdog.alert_rules import AlertKind
from harness.processes import WAIT_SECONDS
from tests.conftest import ROOT
from tests.support import useful_store

README = ROOT / "README.md"
PAGES = {str(path.relative_to(ROOT)): path for path in (README, *ROOT.glob("docs/*.md"))}
TEXTS = {name: path.read_text("utf-8") for name, path in PAGES.items()}
EVERYTHING = "\n".join(TEXTS.values())
ROOMS = TEXTS["docs/development.md"].partition("## Rooms")[2].split("```")[1]
SCHEMA = (ROOT / "schema.sql").read_text("utf-8")
SETTINGS = tuple(
    {
        each.name: each
        for each in (*service.TABLE, *consumers.TABLE, *alerts.TABLE, *machines.TABLE)
    }.values()
)
ROWS = {
    match[1]: match[2]
    for match in re.finditer(r"^\| `([A-Z][A-Z_0-9]+)` \| (`[^`]+`|) ?\|", EVERYTHING, re.MULTILINE)
}
LONGEST_README = 170
RELIED_ON = {
    "FUNDING_DB": "var/funding.db",
    "FUNDING_WS_URL": "wss://fstream.binance.com/market/stream?streams=!markPrice@arr@1s",
    "FUNDING_REST_URL": "https://fapi.binance.com",
    "FUNDING_API_HOST": "127.0.0.1",
    "FUNDING_API_PORT": "8888",
    "FUNDING_STALE_AFTER": "180",
    "FUNDING_STALL_AFTER": "5",
    "FUNDING_CONNECTIONS": "1",
    "FUNDING_ROTATE_AFTER": "82800",
    "FUNDING_BACKOFF_MAX": "5",
    "FUNDING_MIN_SYMBOLS": "500",
    "FUNDING_CHECK_INTERVAL": "5",
    "FUNDING_COMPARE_INTERVAL": "60",
    "FUNDING_COMPARE_ALL_INTERVAL": "600",
    "FUNDING_LOG_LEVEL": "INFO",
}
"""Settings that scripts elsewhere were written for, with defaults that must not change."""
COMMANDS_RELIED_ON = (
    "scripts/run",
    "scripts/run --demo",
    "scripts/test",
    "python ingest.py",
    "python api.py",
    "python watchdog.py",
    "watchdog.py --once",
    "scripts/validate_report.py",
    ".venv/bin/supervisorctl status",
    ".venv/bin/supervisord -c supervisord.conf",
    "consumers/volume_alert.py --once",
    "consumers/oi_poller.py --once",
)

PROGRAM = re.compile(r"(?:scripts|consumers|deploy)/[\w.]+(?<!\.yml)(?<!\.json)")
SUPERVISOR = re.compile(r"\.venv/bin/(supervisord|supervisorctl)")
ENDS_A_COMMAND = {"|", "&&", "||", ";", ">", ">>"}


def shown(setting: Setting) -> str:
    """How the tables show the default of `setting`."""
    default = setting.default.removeprefix(f"{service.ROOT}/")
    return f"`{default}`" if default else ""


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented_with_its_default(setting: Setting) -> None:
    assert ROWS.get(setting.name) == shown(setting)


def test_every_documented_setting_exists() -> None:
    assert set(ROWS) <= {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("name", RELIED_ON)
def test_settings_that_others_rely_on_keep_their_defaults(name: str) -> None:
    found = next(setting for setting in service.TABLE if setting.name == name)
    assert shown(found) == f"`{RELIED_ON[name]}`"


@pytest.mark.parametrize("command", COMMANDS_RELIED_ON)
def test_commands_that_others_rely_on_are_documented(command: str) -> None:
    assert command in EVERYTHING


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_is_in_the_readme(endpoint: str) -> None:
    assert f"`{endpoint}`" in TEXTS["README.md"]


@pytest.mark.parametrize("name", re.findall(r"^CREATE (?:TABLE|VIEW) (\w+)", SCHEMA, re.MULTILINE))
def test_every_table_and_view_is_documented(name: str) -> None:
    assert f"`{name}`" in TEXTS["docs/operations.md"]


TROUBLES = [
    text
    for line in TEXTS["README.md"].partition("## When something is wrong")[2].splitlines()
    for text in re.findall(r"`([^`]+)`", line.split(" | ")[0])
    if line.startswith("| `") and not text.startswith("FUNDING_")
]


@pytest.mark.parametrize("text", TROUBLES)
def test_log_lines_of_the_readme_are_those_of_the_code(text: str) -> None:
    """Of each, a piece between its figures and names stands in the code."""
    code = "".join(path.read_text("utf-8") for path in ROOT.glob("funding/**/*.py"))
    joined = re.sub(r"\"\s*\n\s*f?\"", "", code)
    pieces = [piece.strip() for piece in re.split(r"…|\d+|: |; ", text)]
    assert any(piece in joined for piece in pieces if len(piece) >= min(15, len(text)))


def test_the_documented_kinds_of_events_are_those_that_there_are() -> None:
    table = (
        TEXTS["docs/operations.md"].partition("## Logs")[2].partition("`duration_seconds` is")[0]
    )
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == sorted(
        [*EventKind, "FUNDING_LOG_FORMAT"]
    )


def test_the_documented_kinds_of_alerts_are_those_that_there_are() -> None:
    table = TEXTS["docs/operations.md"].partition("## Being told")[2].partition("## Backups")[0]
    named = [
        kind
        for line in re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|", table, re.MULTILINE)
        for kind in re.findall(r"`([\w-]+)`", line)
    ]
    assert sorted(named) == sorted(AlertKind)


@pytest.mark.parametrize(
    "path",
    [path for path in ROOT.glob("scripts/*") if path.is_file()],
    ids=lambda path: path.name,
)
def test_every_script_is_documented(path: Path) -> None:
    if path.name in ("setup.sh", "__init__.py"):
        return
    command = path.with_suffix("") if path.with_suffix("").is_file() else path  # backup, backup.py
    assert f"scripts/{command.name}" in EVERYTHING


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"(?<![\w/])(?:scripts|consumers|deploy)/[\w.-]+\w", EVERYTHING)))
)
def test_every_documented_script_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md"])
def test_every_program_of_the_group_is_documented(page: str) -> None:
    for name in programs():
        assert f"`{name}`" in TEXTS[page], name


def programs() -> set[str]:
    """The names of the programs of the group, as supervisorctl has them."""
    found = set()
    for path in (ROOT / "supervisord.conf", ROOT / "consumers/supervisord.conf"):
        conf = configparser.RawConfigParser()
        conf.read(path)
        for kind, _, name in (section.partition(":") for section in conf.sections()):
            if kind == "fcgi-program":
                many = conf.getint(f"{kind}:{name}", "numprocs")
                found |= {f"{name}:{name}_{number:02d}" for number in range(many)}
            elif kind == "program":
                found.add(f"funding:{name}")
    return found


def test_the_readme_is_short() -> None:
    assert len(TEXTS["README.md"].splitlines()) <= LONGEST_README


@pytest.mark.parametrize("page", [name for name in PAGES if name != "README.md"])
def test_every_page_is_linked_from_the_readme(page: str) -> None:
    assert f"]({page})" in TEXTS["README.md"]


def without_code(text: str) -> str:
    """`text` without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of `page`."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


LINKS = [
    (name, target)
    for name, text in TEXTS.items()
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text))
    if "://" not in target
]


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_every_link_leads_somewhere(page: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    found = (PAGES[page].parent / path).resolve() if path else PAGES[page]
    assert found.exists()
    assert not anchor or anchor in anchors(found)


def spans(text: str) -> Iterator[str]:
    """The lines of fenced blocks that are not Python, and what stands between single backticks."""
    for language, block in re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        if language != "python":
            yield from (line.strip().removeprefix("$ ") for line in block.splitlines())
    yield from re.findall(r"`([^`\n]+)`", without_code(text))


def words(span: str) -> list[str]:
    """`span` as a shell splits it; nothing where it is not a command at all."""
    try:
        return shlex.split(span, comments=True)
    except ValueError:
        return []


def command(span: str) -> tuple[tuple[str, ...], list[str]] | None:
    """The program of ours that `span` starts, as words, and its arguments."""
    parts = words(span)
    for place, word in enumerate(parts):
        arguments = parts[place + 1 :]
        arguments = arguments[: next(iter(ends(arguments)), None)]
        if word == "-m" and arguments and arguments[0].startswith("harness."):
            return ("-m", arguments[0]), arguments[1:]
        by_python = word.endswith(".py") and place > 0 and parts[place - 1].endswith("python")
        if by_python or PROGRAM.fullmatch(word) or SUPERVISOR.fullmatch(word):
            return (word,), arguments
        if place == 0 and word.endswith(".py") and (ROOT / word).exists():
            return (word,), arguments
    return None


def ends(arguments: list[str]) -> Iterator[int]:
    """Where in `arguments` another command begins."""
    return (place for place, each in enumerate(arguments) if each in ENDS_A_COMMAND)


COMMANDS = sorted(
    {
        (name, *found[0], *found[1])
        for name, text in TEXTS.items()
        for span in spans(text)
        if (found := command(span)) is not None
    }
)


@functools.cache
def help_of(program: tuple[str, ...]) -> str:
    """What `--help` of `program` prints."""
    supervisor = SUPERVISOR.fullmatch(program[0])
    if supervisor is not None:
        how = [sys.executable, "-m", f"supervisor.{supervisor[1]}"]
    elif program[0] == "-m" or program[0].endswith(".py"):
        how = [sys.executable, *program]
    else:
        how = ["bash", *program]
    done = subprocess.run(
        [*how, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("line", COMMANDS, ids=" ".join)
def test_every_command_exists_with_its_options(line: tuple[str, ...]) -> None:
    program, arguments = (line[1:3], line[3:]) if line[1] == "-m" else (line[1:2], line[2:])
    if program[0].endswith("supervisorctl"):  # what follows its verb belongs to the verb
        arguments = tuple(itertools.takewhile(lambda each: each.startswith("-"), arguments))
    options = [argument.partition("=")[0] for argument in arguments if argument.startswith("-")]
    assert options or (ROOT / program[0]).exists() or help_of(program)
    for option in options:
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_of(program)), option
    for argument in arguments:
        if argument.startswith(("tests/", "harness/", "funding/")):
            assert (ROOT / argument).exists()


SUPERVISORCTL = [line for line in COMMANDS if line[1] == ".venv/bin/supervisorctl"]


@pytest.mark.parametrize("line", SUPERVISORCTL, ids=" ".join)
def test_supervisorctl_is_given_programs_of_the_group(line: tuple[str, ...]) -> None:
    from supervisor.supervisorctl import DefaultControllerPlugin

    verb, *names = [word for word in line[2:] if not word.startswith("-")]
    assert hasattr(DefaultControllerPlugin, f"do_{verb}")
    assert {name for name in names if ":" in name} <= programs() | {"api:*", "funding:*"}


def queries(text: str) -> Iterator[str]:
    """What sqlite3 is told to do in `text`, and the queries that stand by themselves."""
    for span in spans(text):
        parts = [part for part in words(span) if not part.startswith("-")]
        if "sqlite3" in parts and len(parts) > parts.index("sqlite3") + 2:
            yield parts[parts.index("sqlite3") + 2]
        elif re.match(r"(?i)select\s", span):
            yield span


QUERIES = [(name, query) for name, text in TEXTS.items() for query in queries(text)]


@pytest.mark.parametrize(("page", "query"), QUERIES)
def test_every_query_runs(
    page: str, query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "var").mkdir()
    monkeypatch.chdir(tmp_path)
    database = sqlite3.connect(":memory:", isolation_level=None)
    try:
        database.executescript(SCHEMA)
        if query.startswith("."):
            assert query.startswith(".backup "), "tests run SQL, and know one command"
        else:
            database.execute(query).fetchall()
    finally:
        database.close()


USEFUL = re.findall(
    r"^-- (.+)\n(select .+;)$",
    TEXTS["docs/operations.md"].partition("## Twenty useful queries")[2],
    re.MULTILINE,
)


def test_there_are_twenty_useful_queries() -> None:
    assert len(USEFUL) == 20


@pytest.fixture(scope="module")
def useful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("useful") / "funding.db"
    useful_store.make(path)
    return path


@pytest.mark.parametrize(("about", "query"), USEFUL, ids=[about for about, _ in USEFUL])
def test_each_useful_query_finds_something(about: str, query: str, useful: Path) -> None:
    program = shutil.which("sqlite3")
    if program is not None:
        command = [program, "-readonly", "-json", str(useful), query]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        found = json.loads(done.stdout)
    else:
        with closing(apsw.Connection(str(useful), flags=apsw.SQLITE_OPEN_READONLY)) as reader:
            found = reader.execute(query).fetchall()
    assert found, about


EXAMPLES = [
    (name, block)
    for name, text in TEXTS.items()
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize(("page", "example"), EXAMPLES)
def test_every_example_imports_what_exists(page: str, example: str) -> None:
    compile(example, page, "exec")
    for node in ast.walk(ast.parse(example)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            module = importlib.import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names)


ENTRIES = {
    path.name for path in (ROOT / "funding").iterdir() if path.is_dir() or path.suffix == ".py"
} - {"__init__.py", "__pycache__"}


@pytest.mark.parametrize("entry", sorted(ENTRIES))
def test_every_room_is_in_the_picture(entry: str) -> None:
    name = entry if entry.endswith(".py") else f"{entry}/"
    assert re.search(rf"^    {re.escape(name)}\s", ROOMS, re.MULTILINE)


def test_every_room_of_the_picture_exists() -> None:
    inside = re.findall(r"^    ([\w.]+?)/?\s", ROOMS, re.MULTILINE)
    assert set(inside) <= ENTRIES
    tops = re.findall(r"^(?:(\w+)/|((?:\w+\.py ?)+))", ROOMS, re.MULTILINE)
    for folder, files in tops:
        assert all((ROOT / name).exists() for name in [folder, *files.split()] if name)
