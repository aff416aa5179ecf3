"""supervisorctl as another Unix user types it."""

import sys
from pathlib import Path

import pytest

from tests.support.other_user import as_others, of_somebody_else
from tests.support.supervised import SLEEPS, supervisord

CONFIG = """
[supervisorctl]
serverurl=unix://{socket}
[ctlplugin:access]
supervisor.ctl_factory = funding.watchdog.supervisorctl_plugin:make
"""


@pytest.mark.parametrize("closed", ["folder", "socket"])
def test_closed_socket_is_named_with_its_owner(short_path: Path, closed: str) -> None:
    config, place = short_path / "ctl.conf", short_path / "var"
    place.mkdir()
    config.write_text(CONFIG.format(socket=place / "s"))
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(config), "status"]
    with supervisord(place, {"other": SLEEPS}):
        found = place / "s" if closed == "socket" else place
        with of_somebody_else(found, 0o700 if closed == "folder" else 0o600):
            owner = found.owner()
            done = as_others(command)
        assert done.returncode == 1
        (line,) = (done.stdout + done.stderr).splitlines()
        assert line.startswith(f"supervisorctl: {place / 's'}: ")
        assert f"{found} belongs to {owner} (mode 0" in line
        assert "other" in as_others(command).stdout


def test_socket_in_a_folder_that_may_only_be_read_is_named_and_not_the_folder(
    short_path: Path,
) -> None:
    """To use it, nothing has to be made in the folder."""
    place = short_path / "var"
    place.mkdir()
    config = short_path / "ctl.conf"
    config.write_text(CONFIG.format(socket=place / "s"))
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(config), "status"]
    with (
        supervisord(place, {"other": SLEEPS}),
        of_somebody_else(place, 0o755),
        of_somebody_else(place / "s", 0o600),
    ):
        done = as_others(command)
    assert f"{place / 's'} belongs to " in done.stdout + done.stderr


def test_missing_socket_is_supervisors_own_word(short_path: Path) -> None:
    config = short_path / "ctl.conf"
    config.write_text(CONFIG.format(socket=short_path / "none"))
    command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(config), "status"]
    done = as_others(command)
    assert "no such file" in done.stdout
    assert "status" in as_others([*command[:-1], "help"]).stdout
