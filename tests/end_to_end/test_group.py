"""The whole service as an operator runs it: scripts/run, supervisord, the stand-in exchange, HTTP.

Each instance lives in a copy of the tree of its own: see `harness.group`.
"""

import os
import shutil
import signal
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.group import Group, tree
from harness.processes import WAIT_SECONDS, finished, processes_in, running, until
from tests.support.other_user import as_others, of_somebody_else
from tests.support.service import healthy_service

PROGRAMS = {"api:api_00", "api:api_01", "funding:history", "funding:ingest", "funding:watchdog"}


@pytest.fixture(scope="module")
def service() -> Iterator[Group]:
    """The service against a stand-in exchange of its own with all symbols, ended by Ctrl-C."""
    with healthy_service(count=(), FUNDING_CHECK_INTERVAL=1) as service:
        yield service


# What is served


@pytest.mark.parametrize("symbol", ["BTCUSDT", "%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"])
def test_a_quote_is_what_the_exchange_sent(service: Group, symbol: str) -> None:
    found = service.ask(f"/funding/{symbol}").json
    sent = service.exchange_says(f"/sim/row?symbol={symbol}&event_time={found['eventTime']}")
    assert sent["e"] == "markPriceUpdate"
    assert (found["symbol"], found["eventTime"]) == (sent["s"], sent["E"])
    assert found["markPrice"] == float(sent["p"])
    assert found["indexPrice"] == float(sent["i"])
    assert found["fundingRate"] == float(sent["r"])
    assert found["nextFundingTime"] == sent["T"]
    assert found["exchange"] == "binance"


def test_a_dated_contract_has_no_funding(service: Group) -> None:
    found = service.ask("/funding/BTCUSDT_261225").json
    sent = service.exchange_says(f"/sim/row?symbol=BTCUSDT_261225&event_time={found['eventTime']}")
    assert sent["T"] == 0
    assert (found["fundingRate"], found["nextFundingTime"]) == (None, None)
    assert found["markPrice"] == float(sent["p"])


def test_every_symbol_of_the_exchange_is_served_and_no_other(service: Group) -> None:
    listed = {row["symbol"] for row in service.exchange_says("/fapi/v1/premiumIndex")}

    def served() -> set[str]:
        return {row["symbol"] for row in service.ask("/funding").json["data"]}

    until(lambda: served() >= listed, "both frames")
    found = served()
    assert found == listed
    assert len(found) > 900
    assert not [symbol for symbol in found if "USD_" in symbol], "COIN-M rows"


def test_quotes_go_on_and_are_young(service: Group) -> None:
    first = service.ask("/funding/BTCUSDT").json
    assert abs(first["updatedAt"] - time.time()) < WAIT_SECONDS
    until(
        lambda: service.ask("/funding/BTCUSDT").json["eventTime"] > first["eventTime"],
        "the next quote",
    )
    until(lambda: service.ask("/funding/BTCUSDT").json["ageSeconds"] < 2, "a quote under 2 s old")


def test_both_processes_answer_for_the_same_database(service: Group) -> None:
    tags = {service.ask("/").body for _ in range(20)}
    assert len(tags) == 1
    assert all(service.ask("/funding/health").status == 200 for _ in range(20))


# What runs


def test_supervisorctl_works_without_options(service: Group) -> None:
    result = service.supervisorctl("status")
    assert (result.returncode, result.stderr) == (0, "")
    states = dict(line.split()[:2] for line in result.stdout.splitlines())
    assert set(states) == PROGRAMS
    assert {*states.values()} <= {"STARTING", "RUNNING"}


def test_only_the_api_port_listens(service: Group) -> None:
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    listening = {
        row.split()[9]: row.split()[1]
        for table in tables
        for row in table
        if row.split()[3] == "0A"
    }
    here = {pid: c for pid, c in processes_in(service.folder).items() if "-m harness.sim" not in c}
    assert len(here) >= 6
    links = [link for pid in here for link in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {target[8:-1] for target in map(read_link, links) if target.startswith("socket:[")}
    addresses = {address for inode, address in listening.items() if inode in inodes}
    assert addresses == {f"0100007F:{service.port:04X}"}


def read_link(link: Path) -> str:
    """Where it points; nowhere when it is gone."""
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""


def test_stored_files_are_for_their_owner_alone(service: Group) -> None:
    socket_file = service.folder / "var" / "supervisor.sock"
    assert stat.S_ISSOCK(socket_file.stat().st_mode)
    assert stat.S_IMODE(socket_file.stat().st_mode) == 0o600
    assert stat.S_IMODE((service.folder / "var").stat().st_mode) == 0o700
    files = [path for path in (service.folder / "var").rglob("*") if path.is_file()]
    assert {"funding.db", "supervisord.pid", "ingest.log"} <= {path.name for path in files}
    assert not [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]


def test_a_second_run_says_that_it_is_already_running(service: Group) -> None:
    for arguments in ([], ["--demo"]):
        result = finished(["scripts/run", *arguments], cwd=service.folder)
        assert result.returncode == 1
        (line,) = (result.stdout + result.stderr).splitlines()
        assert "already running" in line
        assert "supervisorctl status" in line
    assert service.is_healthy()


def test_a_second_ingest_is_refused_and_harms_nothing(service: Group) -> None:
    pids = service.pids("ingest.py")
    address = f"ws://127.0.0.1:{service.exchange.port}/market/ws/!markPrice@arr@1s"
    command = [".venv/bin/python", "ingest.py"]
    result = finished(command, cwd=service.folder, FUNDING_WS_URL=address)
    assert result.returncode == 1
    assert "another ingest is writing to it" in result.stdout
    assert service.pids("ingest.py") == pids == {service.feed_pid()}


@pytest.mark.skipif(not shutil.which("sqlite3"), reason="no sqlite3 program here")
def test_the_database_is_pleasant_to_read_with_sqlite3(service: Group) -> None:
    query = "select * from latest limit 5"
    command = ["sqlite3", "-readonly", "-header", "var/funding.db", query]
    result = finished(command, cwd=service.folder)
    assert (result.returncode, result.stderr) == (0, "")
    header, *rows = result.stdout.splitlines()
    assert header.startswith("symbol|mark_price|")
    assert len(rows) == 5
    count = "select count(*) from stale"
    stale = finished(["sqlite3", "-readonly", "var/funding.db", count], cwd=service.folder)
    assert stale.stdout == "0\n", stale.stderr


def test_the_watchdog_reports_once(service: Group) -> None:
    settings = {"FUNDING_API_PORT": service.port, "FUNDING_REST_URL": service.exchange.rest_url}
    command = [".venv/bin/python", "watchdog.py", "--once"]
    result = finished(command, cwd=service.folder, **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "HEALTHY" in result.stdout


# What comes back


def test_a_killed_ingest_comes_back_and_the_quotes_are_fresh_again(service: Group) -> None:
    old = service.pids("ingest.py")
    assert old == {service.feed_pid()}
    os.kill(service.feed_pid(), signal.SIGKILL)
    new = service.runs_again("ingest.py", old)
    until(lambda: {service.feed_pid()} == new, "the next ingest writes")
    last = service.ask("/funding/BTCUSDT").json["eventTime"]
    until(
        lambda: service.ask("/funding/BTCUSDT").json["eventTime"] > last and service.is_healthy(),
        "fresh quotes",
    )


def test_a_killed_api_process_costs_no_answer_and_comes_back(service: Group) -> None:
    first = service.pids("api.py")
    assert len(first) == 2
    for pid in sorted(first):
        pids = service.pids("api.py")
        os.kill(pid, signal.SIGKILL)
        # Nothing was in hand: the other process answers, and what is queued waits.
        assert all(service.ask("/funding/BTCUSDT").status == 200 for _ in range(20))
        service.runs_again("api.py", pids)
        assert all(service.ask("/funding/BTCUSDT").status == 200 for _ in range(20))
    assert not first & service.pids("api.py")


def test_a_signal_by_supervisorctl_restarts_ingest_in_good_order(service: Group) -> None:
    old = service.pids("ingest.py")
    result = service.supervisorctl("signal", "TERM", "funding:ingest")
    assert result.returncode == 0, result.stdout
    service.runs_again("ingest.py", old)
    assert "ingest: stopped" in (service.folder / "var" / "log" / "ingest.log").read_text()
    until(service.is_healthy, "healthy again")


# Its beginning and end


@pytest.fixture(scope="module")
def idle() -> Iterator[Path]:
    """A copy of the tree in which nothing runs."""
    with tree() as folder:
        yield folder


@pytest.mark.parametrize(
    ("name", "value", "arguments"),
    [
        ("FUNDING_API_HOST", "0.0.0.0", []),
        ("FUNDING_API_PORT", "", []),
        ("FUNDING_MIN_SYMBOLS", "many", ["--demo"]),
    ],
)
def test_a_bad_setting_ends_the_run_with_2_and_one_line(
    idle: Path, name: str, value: str, arguments: list[str]
) -> None:
    result = finished(["scripts/run", *arguments], cwd=idle, **{name: value})
    assert result.returncode == 2
    (line,) = (result.stdout + result.stderr).splitlines()
    assert f"{name}={value!r}: expected" in line
    assert processes_in(idle) == {}


def test_a_run_on_a_port_in_use_says_so(idle: Path) -> None:
    with running(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "0"], idle / "other.log"
    ) as other:
        port = until(lambda: listening_port(other.pid), "the other server listens")
        result = finished(["scripts/run"], cwd=idle, FUNDING_API_PORT=port)
    assert result.returncode == 1
    (line,) = (result.stdout + result.stderr).splitlines()
    assert f"127.0.0.1:{port}" in line
    assert "in use" in line
    assert processes_in(idle) == {}


def listening_port(pid: int) -> int | None:
    """The TCP port that the process listens on, if it does."""
    inodes = {read_link(link)[8:-1] for link in Path(f"/proc/{pid}/fd").iterdir()}
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = row.split()
        if columns[3] == "0A" and columns[9] in inodes:
            return int(columns[1].partition(":")[2], 16)
    return None


@pytest.mark.parametrize(
    "command",
    [
        ["scripts/run"],
        ["scripts/test"],
        [".venv/bin/python", "-m", "harness.sim"],
    ],
    ids=" ".join,
)
def test_every_command_answers_help(idle: Path, command: list[str]) -> None:
    result = finished([*command, "--help"], cwd=idle)
    assert (result.returncode, result.stderr) == (0, "")
    assert "usage:" in result.stdout


def test_an_unknown_argument_of_run_is_refused(idle: Path) -> None:
    result = finished(["scripts/run", "--deom"], cwd=idle)
    assert result.returncode == 2
    assert "usage: scripts/run" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--demo"]])
@pytest.mark.parametrize(
    "name", ["100%", "%(here)s", 'a"b', "a\\b", "a*", "a?", "a[b]", "a:b", "a\nb"]
)
def test_a_folder_in_which_it_cannot_run_is_refused_by_name(
    idle: Path, name: str, arguments: list[str]
) -> None:
    folder = idle / name
    shutil.copytree(idle / "scripts", folder / "scripts", dirs_exist_ok=True)
    result = finished(["scripts/run", *arguments], cwd=folder)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "scripts/run: the service cannot run in a folder with " in result.stderr
    assert str(folder) in result.stderr
    assert not (folder / ".venv").exists(), "refused before anything is installed"


def test_plain_supervisord_names_a_folder_with_a_percent_sign(idle: Path) -> None:
    folder = idle / "5%plain"
    (folder / "var/log").mkdir(parents=True)
    shutil.copy(idle / "supervisord.conf", folder)
    command = [
        str(idle / ".venv/bin/python"),
        "-m",
        "supervisor.supervisord",
        "-c",
        "supervisord.conf",
    ]
    result = finished(command, cwd=folder)
    assert result.returncode == 2
    assert str(folder) in result.stderr
    assert "is badly formatted" in result.stderr


@pytest.mark.parametrize(("length", "arguments"), [(90, []), (75, ["--demo"])])
def test_a_folder_too_deep_for_a_socket_is_refused_by_name(
    idle: Path, length: int, arguments: list[str]
) -> None:
    deep = idle / ("d" * (length - len(str(idle))))
    shutil.copytree(idle / "scripts", deep / "scripts")
    for name in (".venv", "requirements.txt"):
        (deep / name).symlink_to(idle / name)
    result = finished(["scripts/run", *arguments], cwd=deep)
    assert result.returncode == 1
    assert "too long for a unix socket" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write where it does not own")
@pytest.mark.parametrize("place", ["var", "."])
def test_root_is_refused_where_the_service_is_somebody_elses(idle: Path, place: str) -> None:
    """Also in a new checkout, in which root would make var/ and close it to its owner."""
    folder = idle / f"theirs-for-root-{place.strip('.') or 'all'}"
    shutil.copytree(idle / "scripts", folder / "scripts")
    if place == "var":
        (folder / "var/log").mkdir(parents=True)
    with of_somebody_else(folder / place, 0o755):
        result = finished(["scripts/run"], cwd=folder)
    assert result.returncode == 1
    assert f"/{place} belongs to nobody, to whom files of root would be closed" in result.stderr


@pytest.mark.parametrize("place", [".", "var", ".venv"])
def test_a_folder_of_another_user_is_refused_with_its_owner(idle: Path, place: str) -> None:
    folder = idle / f"theirs-{place.strip('.') or 'all'}"
    shutil.copytree(idle / "scripts", folder / "scripts")
    for name in {"var", ".venv"} if place != "." else set():
        (folder / name).mkdir()
    (closed := folder / place).chmod(0o755)
    with of_somebody_else(closed, 0o755):
        owner = closed.owner()
        result = as_others(["scripts/run"], cwd=folder)
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert f"/{place}: it belongs to {owner}; run this as {owner}" in line
