"""What both consumers do alike, as programs and under supervisord."""

import configparser
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.processes import WAIT_SECONDS, finished, running, until
from tests.conftest import ROOT
from tests.support.api_and_ingest import World
from tests.support.consumer_programs import (
    OI_POLLER,
    VOLUME_ALERT,
    on_a_terminal,
    once,
    settings,
)
from tests.support.fake_backend import FakeBackend

BOTH = pytest.mark.parametrize("program", [VOLUME_ALERT, OI_POLLER])


@BOTH
def test_sigterm_in_the_middle_of_a_scan_is_a_clean_end(
    world: World, far: FakeBackend, program: str, tmp_path: Path
) -> None:
    with world.exchange.faults(rest_hang=1.0):
        before = world.exchange.calls("klines") + world.exchange.calls("openInterest")
        with running(
            [sys.executable, program], tmp_path / "log", settings=settings(world, far)
        ) as p:
            until(
                lambda: (
                    world.exchange.calls("klines") + world.exchange.calls("openInterest") > before
                ),
                "a scan is under way",
            )
            p.send_signal(signal.SIGTERM)
            assert p.wait(WAIT_SECONDS) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


@BOTH
def test_once_reports_an_exchange_that_is_away(
    world: World, far: FakeBackend, program: str
) -> None:
    far.universe = None
    with world.exchange.faults(rest_status=500):
        done = finished([sys.executable, program, "--once"], **settings(world, far))
    assert done.returncode == 1
    assert "status 500" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@BOTH
def test_program_without_a_store_ends_with_a_message(program: str, tmp_path: Path) -> None:
    done = finished([sys.executable, program], FUNDING_DB=tmp_path / "none.db")
    assert done.returncode == 1
    assert "none.db: is not there yet" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@BOTH
def test_wrong_setting_is_one_line_and_exit_2(program: str) -> None:
    done = finished([sys.executable, program], VOLSPIKE_API_KEY="hunter2 hunter3")
    assert done.returncode == 2
    assert done.stderr.startswith(f"{Path(program).stem}: VOLSPIKE_API_KEY=")
    assert len(done.stderr.splitlines()) == 1
    assert "hunter" not in done.stdout + done.stderr


@BOTH
def test_help_names_every_setting(program: str) -> None:
    from funding.settings import consumers, service

    done = finished([sys.executable, program, "--help"])
    assert done.returncode == 0
    for setting in (*consumers.TABLE, *service.TABLE):
        assert setting.name in done.stdout


@BOTH
def test_progress_is_shown_on_a_terminal_and_nowhere_else(
    world: World, far: FakeBackend, program: str
) -> None:
    environ = settings(world, far)
    assert "symbol" in on_a_terminal(program, environ)
    done = once(program, environ)
    assert done.stderr == ""
    assert "\r" not in done.stdout


@BOTH
def test_program_runs_without_a_standard_error(
    world: World, far: FakeBackend, program: str
) -> None:
    closed = ["bash", "-c", 'exec "$@" 2>&-', "bash"]
    done = finished([*closed, sys.executable, program, "--once"], **settings(world, far))
    assert done.returncode == 0, done.stdout


def test_supervisord_has_them_and_starts_none() -> None:
    config: Any = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    # As supervisord reads them when scripts/run --consumers has linked the second.
    config.read([ROOT / "supervisord.conf", ROOT / "consumers/supervisord.conf"])
    group = config["group:funding"]["programs"].split(",")
    for name in ("volume_alert", "oi_poller", "signal_alert"):
        assert name in group
        assert config[f"program:{name}"]["autostart"] == "false"
        assert config[f"program:{name}"]["command"].endswith(f'/consumers/{name}.py"')
