"""scripts/run --demo --nats: files and settings of its own, which commands in another terminal
find, and nothing that mixes with what is real, or reaches a real server."""

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from subprocess import CompletedProcess
from typing import Any

import pytest

from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.nats.addresses import parse
from funding.nats.connection import Connection
from funding.runtime.clock import SYSTEM
from funding.store.writer import Writer
from harness.group import log_of, tree
from harness.http_client import Answer, ask, serves
from harness.processes import WAIT_SECONDS, finished, free_port, processes_in, running, until

CLIENT = """
from funding.client import FundingClient
with FundingClient() as client:
    one, every = client.get("BTCUSDT"), client.get_all()
    print(one.source, len(every), "REALUSDT" in every)
"""
REAL = "https://real.invalid"  # whoever asked it would say that it cannot be reached


def real_database(path: Path) -> None:
    """A database as ingest leaves it behind, with one quote of an exchange."""
    wall, uptime = SYSTEM.wall(), SYSTEM.uptime()
    feed = Feed("binance", "fstream.binance.com", 1, SYSTEM.boot, wall, uptime)
    quote = Quote("REALUSDT", 1.0, 1.0, 0.0001, 1_764_748_800_000, 1_764_725_610_000)
    writer = Writer(path, feed)
    writer.write(feed, [(quote, wall, uptime)])
    writer.close()


@dataclass
class Demo:
    """A demonstration in `folder`, beside a real database and real settings."""

    folder: Path
    port: int

    def run(self, *command: str, **settings: Any) -> CompletedProcess[str]:
        """As a person types it in another terminal, with nothing of the demonstration set."""
        program = ".venv/bin/supervisorctl" if command[0] == "supervisorctl" else ".venv/bin/python"
        words = command[1:] if command[0] == "supervisorctl" else command
        return finished([program, *words], cwd=self.folder, **settings)

    def all_run(self) -> bool:
        """Whether every program does: two of the API, four ingests, history, publish, watchdog."""
        return self.run("supervisorctl", "status").stdout.count("RUNNING") == 9

    def rows(self, statement: str) -> list[Any]:
        """What its database answers."""
        path = f"file:{self.folder}/var/demo/funding.db?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as database:
            return database.execute(statement).fetchall()


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """It ends by SIGTERM, leaves nothing running, and the real files as they were."""
    with tree() as folder:
        database, log, port = folder / "var/funding.db", folder / "run.log", free_port()
        real_database(database)
        own = (
            f"FUNDING_REST_URL={REAL}\nFUNDING_API_PORT={port}\nTELEGRAM_TOKEN=secret\nCHAT_ID=1\n"
            "FUNDING_NATS_URL=nats://real.invalid\n"
        )
        (folder / "funding.env").write_text(own)
        (folder / "funding.env").chmod(0o600)
        real = database.read_bytes()
        with running(["scripts/run", "--demo", "--nats"], log, cwd=folder) as process:
            until(lambda: serves(port), "the first quote of the demonstration")
            until(lambda: ask(port, "/health").status == 200, "both frames")
            yield Demo(folder, port)
            process.terminate()
            assert process.wait(timeout=WAIT_SECONDS) == 0, log_of(folder)
        assert processes_in(folder) == {}
        assert database.read_bytes() == real
        assert sorted(path.name for path in database.parent.glob("funding*.db")) == ["funding.db"]
        assert not (folder / "var/supervisor.sock").is_symlink()
        assert "Traceback" not in log.read_text(), "a clean stop looks like a crash"
        # What the ingests write that end after Binance's, which owns the file, stays in it.
        wal = folder / "var/demo/funding.db-wal"
        assert wal.stat().st_size < 4_000_000, "not checkpointed"


def test_api_has_nothing_of_the_real_database(demo: Demo) -> None:
    def known() -> Answer | None:
        found = ask(demo.port, "/funding/REALUSDT")
        return None if found.status == 503 else found  # until the first tick is complete

    answer = until(known, "the first tick is complete")
    assert answer.status == 404
    assert answer.headers["feed-address"] == "127.0.0.1"


def test_its_files_are_in_a_folder_of_its_own(demo: Demo) -> None:
    found = {path.name for path in (demo.folder / "var/demo").iterdir()}
    assert {"funding.db", "funding.env", "supervisor.sock", "supervisord.pid", "log"} <= found
    assert (demo.folder / "var/demo/log/ingest.log").exists()
    assert not list((demo.folder / "var/log").iterdir())
    assert "secret" not in (demo.folder / "var/demo/funding.env").read_text()


def test_its_quotes_are_on_the_nats_server_that_it_started(demo: Demo) -> None:
    said = (demo.folder / "run.log").read_text()
    (url,) = re.findall(r"^NATS: (nats://127\.0\.0\.1:\d+)$", said, re.MULTILINE)
    assert f"FUNDING_NATS_URL={url}\n" in (demo.folder / "var/demo/funding.env").read_text()
    received: SimpleQueue[str] = SimpleQueue()
    connection = Connection(parse(url), "test")
    connection.subscribe("funding.binance.*", lambda subject, _body: received.put(subject))
    assert received.get(timeout=WAIT_SECONDS).startswith("funding.binance.")
    connection.close()


def test_supervisorctl_finds_it(demo: Demo) -> None:
    until(demo.all_run, "all run")


def test_watchdog_reports_on_it(demo: Demo) -> None:
    until(demo.all_run, "all run")
    until(lambda: demo.rows("SELECT 1 FROM comparison LIMIT 1"), "the first comparison")

    def healthy() -> CompletedProcess[str] | None:
        """Its report, once each exchange has its symbols."""
        done = demo.run("watchdog.py", "--once")
        return done if done.returncode == 0 else None

    done = until(healthy, "a healthy demonstration")
    assert done.stderr.startswith("watchdog: a demonstration runs here: its settings are used")
    assert "BTCUSDT mark_price: stream" in done.stdout


@pytest.mark.parametrize("named", [False, True])
def test_client_compares_it_with_its_own_exchange(demo: Demo, named: bool) -> None:
    """Also where the environment names the folder's own settings, as for a package elsewhere."""
    own = {"FUNDING_ENV_FILE": demo.folder / "funding.env"} if named else {}
    done = demo.run("-c", CLIENT, **own)
    source, count, has_real = done.stdout.split()
    assert (source, has_real) == ("websocket", "False")
    assert int(count) > 900
    assert "a demonstration runs here" in done.stderr
    assert demo.rows("SELECT count(*) FROM comparison WHERE source = 'client'")[0][0] > 1_800


def test_client_with_real_settings_mixes_nothing(demo: Demo) -> None:
    """It asks the exchange that its settings name, and only that."""
    settings = {"FUNDING_REST_URL": REAL, "FUNDING_MODE": "parallel"}
    code = CLIENT.replace("print(one.source, ", "print(one, ")
    before = demo.rows("SELECT count(*) FROM comparison WHERE source = 'client'")
    done = demo.run("-c", code, **settings)
    assert done.stdout == "None 0 False\n", done.stderr
    assert "quotes of 127.0.0.1, REST of real.invalid: not comparable" in done.stderr
    assert demo.rows("SELECT count(*) FROM comparison WHERE source = 'client'") == before


def test_all_symbols_are_compared_with_its_own_exchange(demo: Demo) -> None:
    done = demo.run("scripts/compare_all.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "EXCELLENT"


def test_real_database_is_not_compared_with_the_invented_exchange(demo: Demo) -> None:
    """Nor are the calls counted there."""
    rest = dict(
        line.split("=", 1) for line in (demo.folder / "var/demo/funding.env").read_text().split()
    )["FUNDING_REST_URL"]
    settings = {
        "FUNDING_REST_URL": rest,
        "FUNDING_DB": demo.folder / "var/funding.db",
        "FUNDING_SUPERVISOR": demo.folder / "var/none.sock",
    }
    done = demo.run("scripts/compare_all.py", **settings)
    assert done.returncode == 2
    assert "quotes of fstream.binance.com, REST of 127.0.0.1: not comparable" in done.stderr


def test_consumer_by_hand_finds_it_and_sends_nothing_away(demo: Demo) -> None:
    settings = {"TELEGRAM_TOKEN": "secret", "CHAT_ID": "1"}
    done = demo.run("consumers/volume_alert.py", "--once", **settings)
    assert "a demonstration runs here" in done.stderr
    assert "telegram is sent nothing: REST is a stand-in" in done.stdout
    assert done.returncode == 0, done.stdout + done.stderr
    assert demo.rows("SELECT name FROM consumer WHERE name = 'volume_alert'")


def test_report_judges_it_and_says_so(demo: Demo) -> None:
    until(lambda: demo.rows("SELECT 1 FROM comparison LIMIT 1"), "the first comparison")
    done = demo.run("scripts/validate_report.py", "--no-store")
    assert done.returncode == 1
    assert done.stderr == "a demonstration runs here: its settings are used\n"


def test_a_real_group_is_refused_beside_it(demo: Demo) -> None:
    done = finished(["scripts/run"], cwd=demo.folder)
    assert done.returncode == 1
    assert "already running" in done.stderr
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", "supervisord.conf"]
    assert "Another program is already listening" in finished(command, cwd=demo.folder).stderr
    assert ask(demo.port, "/health").status == 200
