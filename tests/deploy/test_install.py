"""What puts the service on a server."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.processes import WAIT_SECONDS
from tests.conftest import ROOT

INSTALL = ROOT / "deploy/install.sh"
UNIT = (ROOT / "deploy/funding.service").read_text("utf-8")


def install(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(INSTALL), *arguments],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


def shell(commands: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`commands` with the functions of the script, for an installation below `folder` without a
    systemd. Each release serves unless it is called "bad"."""
    world = f"""
        source {INSTALL}
        run() {{ "$@"; }}
        systemctl() {{ echo "systemctl $*"; }}
        serves() {{ echo "serves? $(readlink "$base/current")"; [ ! "$base/current" -ef "$bad" ]; }}
        bad="$base/releases/bad"
        write_unit() {{ echo "unit of ${{1##*/}}"; }}
        ask() {{ case "$2" in migrates) echo no ;; database) echo "$base/var/funding.db" ;; esac; }}
        mkdir -p "$base/releases/good" "$base/releases/bad" "$base/releases/better"
    """
    return subprocess.run(
        ["bash", "-c", world + commands],
        env={**os.environ, "DESTDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


def leads_to(link: str, folder: Path) -> str:
    return (folder / "opt/funding" / link).resolve().name


def test_a_dry_run_says_what_it_would_do_and_does_nothing() -> None:
    done = install("--dry-run", "--user", "nobody-of-this-name")
    assert done.returncode == 0, done.stderr
    assert "+ useradd --system" in done.stdout
    assert "+ systemctl enable --quiet funding.service" in done.stdout
    with pytest.raises(LookupError):
        shutil.chown(INSTALL, "nobody-of-this-name")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--user", "root"], "must not run as root"),
        (["--user", "a b"], "not a user name"),
        (["--purge"], "goes with --uninstall"),
        (["--wrong"], "usage"),
    ],
)
def test_bad_arguments_are_refused(arguments: list[str], words: str) -> None:
    done = install("--dry-run", *arguments)
    assert done.returncode != 0
    assert words in done.stderr


def test_a_release_has_the_same_name_for_the_same_files(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/run").write_text("one")
    (tmp_path / "var").mkdir()
    name = f"source={tmp_path}; archive | sha256sum"
    first = shell(name, tmp_path).stdout
    (tmp_path / "var/funding.db").touch()
    (tmp_path / "funding.env").touch()
    (tmp_path / "scripts/run").touch()
    assert shell(name, tmp_path).stdout == first != ""
    (tmp_path / "scripts/run").write_text("two")
    assert shell(name, tmp_path).stdout != first


def test_an_upgrade_keeps_the_release_before(tmp_path: Path) -> None:
    for name in ("good", "better"):
        done = shell(f'switch "$base/releases/{name}"', tmp_path)
        assert done.returncode == 0, done.stderr
    assert (leads_to("current", tmp_path), leads_to("previous", tmp_path)) == ("better", "good")
    assert done.stdout.splitlines() == [
        "systemctl stop funding.service",
        "systemctl start funding.service",
        "serves? releases/better",
    ]


def test_an_upgrade_that_does_not_serve_is_taken_back(tmp_path: Path) -> None:
    shell('switch "$base/releases/good"', tmp_path)
    done = shell('switch "$base/releases/bad"', tmp_path)
    assert done.returncode == 1
    assert leads_to("current", tmp_path) == "good"
    assert done.stdout.splitlines() == [
        "systemctl stop funding.service",
        "systemctl start funding.service",
        "serves? releases/bad",
        "systemctl stop funding.service",
        "unit of good",
        "systemctl start funding.service",
        "serves? releases/good",
    ]
    assert "good is back, and serves" in done.stderr


def test_a_database_that_was_migrated_comes_back_with_its_release(tmp_path: Path) -> None:
    """The backup is made while nothing runs, before the new release does."""
    world = """
        ask() { case "$2" in migrates) echo yes ;; database) echo "$base/var/funding.db" ;; esac; }
        as_service() { cp "$base/var/funding.db" "$base/backup"; echo "$base/backup: 3 rows"; }
        install() { cp "${@: -2}"; }
        serves() { echo new >"$base/var/funding.db"; [[ "$(readlink "$base/current")" = *good ]]; }
    """
    shell('switch "$base/releases/good"', tmp_path)
    database = tmp_path / "opt/funding/var/funding.db"
    database.parent.mkdir()
    database.write_text("old\n")
    back = f'{world} systemctl() {{ [ "$1" = stop ] || cat "$base/var/funding.db"; }}'
    done = shell(f'{back}; switch "$base/releases/bad"', tmp_path)
    assert done.returncode == 1
    # As each of the two starts found it.
    assert done.stdout.splitlines()[-3:] == ["old", "unit of good", "old"]


def test_nothing_is_upgraded_without_its_backup(tmp_path: Path) -> None:
    shell('switch "$base/releases/good"', tmp_path)
    world = "ask() { echo yes; }; as_service() { return 1; }"
    done = shell(f'{world}; switch "$base/releases/better"', tmp_path)
    assert done.returncode == 1
    assert "could not be backed up" in done.stderr
    assert leads_to("current", tmp_path) == "good"
    assert done.stdout.splitlines()[-1] == "systemctl start funding.service"


def test_the_unit_is_hardened() -> None:
    lines = set(UNIT.splitlines())
    assert {
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "ReadWritePaths=@BASE@/var",
        "User=@USER@",
        "MemoryMax=1G",
    } <= lines
    assert len(re.findall(r"^ReadWritePaths=", UNIT, re.MULTILINE)) == 1


def test_the_unit_leaves_settings_to_the_programs() -> None:
    """They read funding.env themselves, and refuse one that others may write. What nobody but root
    may read, they cannot."""
    found = re.findall(r"^Environment.*", UNIT, re.MULTILINE)
    assert found == ["EnvironmentFile=-/etc/funding.secrets.env"]


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    # Programs that exist everywhere stand for those of .venv, which need not be there yet.
    text = re.sub(r"@BASE@/current/\.venv/bin/\w+", "/bin/true", UNIT)
    unit = tmp_path / "funding.service"
    unit.write_text(text.replace("@BASE@", str(tmp_path)).replace("@USER@", "daemon"), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Unknown" not in done.stderr
