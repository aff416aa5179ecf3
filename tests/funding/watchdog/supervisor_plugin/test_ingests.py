"""An ingest program for each exchange: made in a real supervisord, and for groups of any form."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from funding.watchdog.supervisor import SupervisorClient
from funding.watchdog.supervisor_plugin.ingests import add_ingests, add_publish, program
from harness.processes import finished, until
from tests.funding.watchdog.supervisor_plugin.test_guard import PLUGIN
from tests.support.supervised import SLEEPS, supervisord

SAYS = "import sys, time; print(sys.argv[1:], flush=True); time.sleep(600)"
FOUR = "binance,kucoin,hyperliquid,backpack"
INGESTS = {f"funding:ingest{name}" for name in ("", "-kucoin", "-hyperliquid", "-backpack")}


def test_programs_have_the_names_that_supervisorctl_shows() -> None:
    assert [program(name) for name in ("binance", "kucoin")] == ["ingest", "ingest-kucoin"]


def test_group_without_an_ingest_stays_as_it_is() -> None:
    group: Any = SimpleNamespace(processes={"watchdog": None})
    add_ingests(group, ["binance", "kucoin"])
    add_publish(group)
    assert list(group.processes) == ["watchdog"]


def test_publish_is_of_the_group_where_a_server_is_named(short_path: Path) -> None:
    (short_path / "ingest.py").write_text(SAYS)
    (short_path / "publish.py").write_text(f"print('published'); {SAYS}")
    extra = f"{PLUGIN}[supervisorctl]\nserverurl=unix://{short_path}/s\n"
    ingest = {
        "command": f'"{sys.executable}" "{short_path}/ingest.py"',
        "stdout_logfile": str(short_path / "ingest.log"),
    }
    programs = {"ingest": SAYS, "watchdog": SLEEPS}
    settings = {"FUNDING_EXCHANGES": "kucoin", "FUNDING_NATS_URL": "nats://127.0.0.1:1"}
    with supervisord(short_path, programs, extra, settings, ingest=ingest):
        client = SupervisorClient(short_path / "s")
        wanted = {"funding:ingest-kucoin", "funding:publish", "funding:watchdog"}
        until(
            lambda: {each.name for each in client.processes() if each.is_running} == wanted,
            "publish beside the ingest",
        )
        until(lambda: (short_path / "publish.log").read_text(), "its log")
        assert (short_path / "publish.log").read_text() == "published\n[]\n"


def test_group_without_binance_has_no_ingest_of_it(short_path: Path) -> None:
    extra = f"{PLUGIN}[supervisorctl]\nserverurl=unix://{short_path}/s\n"
    programs = {"ingest": SAYS, "watchdog": SLEEPS}
    settings = {"FUNDING_EXCHANGES": "hyperliquid"}
    with supervisord(short_path, programs, extra, settings):
        client = SupervisorClient(short_path / "s")
        wanted = {"funding:ingest-hyperliquid", "funding:watchdog"}
        until(
            lambda: {each.name for each in client.processes() if each.is_running} == wanted,
            "its ingest, and none of Binance",
        )


def test_each_exchange_has_its_program_that_is_handled_as_any_other(short_path: Path) -> None:
    extra = f"{PLUGIN}[supervisorctl]\nserverurl=unix://{short_path}/s\n"
    log = {"stdout_logfile": str(short_path / "ingest.log")}
    settings = {"FUNDING_EXCHANGES": FOUR}
    programs = {"ingest": SAYS, "watchdog": SLEEPS}
    with supervisord(short_path, programs, extra, settings, ingest=log):
        client = SupervisorClient(short_path / "s")

        def pids() -> dict[str, int]:
            found = {each.name: each.pid for each in client.processes() if each.is_running}
            return {name: pid for name, pid in found.items() if name in INGESTS}

        until(lambda: pids().keys() == INGESTS, "all ingests")
        until(lambda: (short_path / "ingest-kucoin.log").read_text(), "its log")
        assert (short_path / "ingest-kucoin.log").read_text() == "['--exchange', 'kucoin']\n"
        before = pids()
        config = str(short_path / "supervisord.conf")
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", config]
        finished([*command, "update"])
        assert pids() == before, "an update has restarted what did not change"
        assert "started" in finished([*command, "restart", "funding:ingest-kucoin"]).stdout
        until(lambda: pids().keys() == INGESTS, "all ingests again")
        changed = {name for name, pid in pids().items() if pid != before[name]}
        assert changed == {"funding:ingest-kucoin"}
