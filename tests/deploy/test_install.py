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
LITESTREAM = (ROOT / "deploy/funding-litestream.service").read_text("utf-8")


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
        migrates=no
        ask() {{
            case "$2" in
                migrates) echo "$migrates" ;;
                database) echo "$base/var/funding.db" ;;
                healthy) echo binance ;;
            esac
        }}
        as_service() {{ "$@"; }}
        mkdir -p "$base/releases/good" "$base/releases/bad" "$base/releases/better" "$base/var"
        for release in good bad better; do
            mkdir -p "$base/releases/$release/scripts"
            printf '%s\n' '#!/bin/sh' "cp '$base/var/funding.db' '$base/backup' &&" \
                "echo '$base/backup: 3 rows'" >"$base/releases/$release/scripts/backup"
            chmod +x "$base/releases/$release/scripts/backup"
        done
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


MIGRATES = """
    migrates=yes
    serves() { echo new >"$base/var/funding.db"; [[ "$(readlink "$base/current")" = *good ]]; }
    systemctl() { [ "$1" = stop ] || cat "$base/var/funding.db"; }
"""
"""A new release whose database is another; it says with what each start began."""


def test_a_database_that_was_migrated_comes_back_with_its_release(tmp_path: Path) -> None:
    """The backup is made while nothing runs, before the new release does."""
    shell('switch "$base/releases/good"', tmp_path)
    database = tmp_path / "opt/funding/var/funding.db"
    database.write_text("old\n")
    Path(f"{database}-wal").write_text("new")
    done = shell(f'{MIGRATES} switch "$base/releases/bad"', tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-3:] == ["old", "unit of good", "old"]
    assert Path(f"{database}.undone").read_text() == "new\n"
    assert Path(f"{database}.undone-wal").read_text() == "new"
    assert not Path(f"{database}-wal").exists()
    assert not (tmp_path / "opt/funding/upgrade-under-way").exists()


def test_nothing_is_upgraded_without_its_backup(tmp_path: Path) -> None:
    shell('switch "$base/releases/good"', tmp_path)
    world = "migrates=yes"  # and there is no database to copy
    done = shell(f'{world}; switch "$base/releases/better"', tmp_path)
    assert done.returncode == 1
    assert "could not be backed up" in done.stderr
    assert leads_to("current", tmp_path) == "good"
    assert done.stdout.splitlines()[-2:] == ["unit of good", "systemctl start funding.service"]
    assert not (tmp_path / "opt/funding/upgrade-under-way").exists()


def test_release_that_does_not_know_the_database_is_refused_while_the_other_runs(
    tmp_path: Path,
) -> None:
    shell('switch "$base/releases/better"', tmp_path)
    done = shell('migrates=back; switch "$base/releases/good"', tmp_path)
    assert done.returncode == 1
    assert "newer version" in done.stderr
    assert "systemctl stop" not in done.stdout


KILLED = "kill -9 $BASHPID;"


@pytest.mark.parametrize(
    ("moment", "killed"),
    [
        ("stopped", f'systemctl() {{ [ "$1" = start ] || {KILLED} }};'),
        ("new release in its place", f"point() {{ ln -sfn $2 $base/$1; {KILLED} }};"),
        ("started", f'systemctl() {{ [ "$1" = stop ] || {KILLED} }};'),
        ("it serves, and is not proven yet", f"serves() {{ {KILLED} }};"),
    ],
)
def test_an_upgrade_that_was_killed_goes_on_from_the_release_that_served(
    tmp_path: Path, moment: str, killed: str
) -> None:
    """Whatever the next run finds: what served last is kept, and comes back where the new one is
    none."""
    shell('switch "$base/releases/good"', tmp_path)
    died = shell(f'{killed} switch "$base/releases/bad"', tmp_path)
    assert died.returncode == -9, moment
    done = shell('switch "$base/releases/bad"', tmp_path)
    assert "good is back, and serves" in done.stderr
    assert leads_to("current", tmp_path) == "good"
    shell(f'{killed} switch "$base/releases/better"', tmp_path)
    assert shell('switch "$base/releases/better"', tmp_path).returncode == 0
    assert (leads_to("current", tmp_path), leads_to("previous", tmp_path)) == ("better", "good")
    assert not (tmp_path / "opt/funding/upgrade-under-way").exists()


def test_an_upgrade_that_was_killed_is_undone_by_the_release_before(tmp_path: Path) -> None:
    shell('switch "$base/releases/good"', tmp_path)
    database = tmp_path / "opt/funding/var/funding.db"
    database.write_text("old\n")
    shell(
        f'{MIGRATES} serves() {{ echo new >"$base/var/funding.db"; {KILLED} }};'
        'switch "$base/releases/better"',
        tmp_path,
    )
    assert (leads_to("current", tmp_path), database.read_text()) == ("better", "new\n")
    done = shell('switch "$base/releases/good"', tmp_path)
    assert done.returncode == 0, done.stderr
    assert (leads_to("current", tmp_path), database.read_text()) == ("good", "old\n")


@pytest.mark.parametrize("command", ["mv -T", "ln -f", "chmod", "write_unit"])
def test_a_return_that_was_killed_is_finished_by_the_next_run(tmp_path: Path, command: str) -> None:
    """A reboot meanwhile starts the release before, and the backup is neither lost nor replaced."""
    shell('switch "$base/releases/good"', tmp_path)
    database = tmp_path / "opt/funding/var/funding.db"
    database.write_text("old\n")
    kills = (
        f"write_unit() {{ {KILLED} }};"
        if command == "write_unit"
        else f'as_service() {{ if [[ "$*" = "{command}"* ]]; then {KILLED} fi; "$@"; }};'
    )
    wal = 'echo wal >"$base/var/funding.db-wal";'
    died = shell(f'{MIGRATES} {wal} {kills} switch "$base/releases/bad"', tmp_path)
    assert died.returncode == -9
    assert leads_to("current", tmp_path) == "good"
    done = shell(f'{MIGRATES} switch "$base/releases/good"', tmp_path)
    assert done.returncode == 0, done.stderr
    assert leads_to("current", tmp_path) == "good"
    assert "old" in done.stdout.splitlines()


def test_settings_that_were_changed_since_the_start_are_told(tmp_path: Path) -> None:
    file = tmp_path / "etc/funding.env"
    file.parent.mkdir()
    file.touch()
    os.utime(file, (1_000, 1_000))
    for started, expected in (("@1000", 1), ("@999", 0)):
        done = shell(f"systemctl() {{ echo {started}; }}; settings_are_newer", tmp_path)
        assert done.returncode == expected, done.stderr
    assert done.stdout == f"{file} was changed since the service was started\n"


def test_the_user_of_the_unit_stays_the_user(tmp_path: Path) -> None:
    """`git pull` and the script again, without --user: what is there belongs to that user."""
    unit = tmp_path / "etc/systemd/system/funding.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nUser=alice\n")
    assert shell('read_arguments --dry-run; echo "$user"', tmp_path).stdout == "alice\n"
    done = shell("read_arguments --dry-run --user bob", tmp_path)
    assert done.returncode == 1
    assert "runs as alice" in done.stderr


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """As on a full disk, of which it would hold the rest."""
    setup = tmp_path / "checkout/scripts/setup.sh"
    setup.parent.mkdir(parents=True)
    new = tmp_path / "opt/funding/releases/new"
    for text in ("fail() { exit 1; }; setup() { fail scripts; }", "setup() { return 1; }"):
        setup.write_text(text)
        done = shell(f'source={setup.parent.parent}; build "$base/releases/new"', tmp_path)
        assert done.returncode != 0
        assert not new.exists()
    setup.write_text("setup() { mkdir .venv; ln -s /bin .venv/; }")
    assert shell(f'source={setup.parent.parent}; build "{new}"', tmp_path).returncode == 0
    assert (new / ".venv/complete").exists()


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


def test_the_unit_has_the_proc_of_its_machine() -> None:
    """With either of these a container's boot_id is another in the unit than outside of it."""
    assert not re.findall(r"^(ProtectKernelTunables|ProtectControlGroups)=", UNIT, re.MULTILINE)


def test_the_unit_leaves_settings_to_the_programs() -> None:
    """They read funding.env themselves, and refuse one that others may write. What nobody but root
    may read, they cannot."""
    found = re.findall(r"^Environment.*", UNIT, re.MULTILINE)
    assert found == ["EnvironmentFile=-/etc/funding.secrets.env"]


@pytest.mark.parametrize("given", [UNIT, LITESTREAM], ids=["funding", "litestream"])
def test_systemd_accepts_the_unit(tmp_path: Path, given: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    # Programs that exist everywhere stand for those of .venv, which need not be there yet.
    text = re.sub(r"(@BASE@/current/\.venv|/opt/litestream)/bin/\w+", "/bin/true", given)
    unit = tmp_path / "funding.service"
    unit.write_text(
        text.replace("@BASE@", str(tmp_path))
        .replace("@USER@", "daemon")
        .replace("User=funding", "User=daemon"),
        "utf-8",
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Unknown" not in done.stderr
