"""What puts the service on a server."""

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


def test_a_dry_run_says_what_it_would_do_and_does_nothing() -> None:
    done = install("--dry-run", "--user", "nobody-of-this-name")
    assert done.returncode == 0, done.stderr
    assert "+ useradd --system" in done.stdout
    assert "+ systemctl enable --now funding.service" in done.stdout
    with pytest.raises(LookupError):
        shutil.chown(INSTALL, "nobody-of-this-name")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--user", "root"], "must not run as root"),
        (["--user", "a b"], "not a user name"),
        (["--wrong"], "usage"),
    ],
)
def test_bad_arguments_are_refused(arguments: list[str], words: str) -> None:
    done = install("--dry-run", *arguments)
    assert done.returncode != 0
    assert words in done.stderr


def test_the_unit_is_hardened() -> None:
    lines = set(UNIT.splitlines())
    assert {
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "ReadWritePaths=@ROOT@/var",
        "User=@USER@",
        "MemoryMax=1G",
    } <= lines
    assert len(re.findall(r"^ReadWritePaths=", UNIT, re.MULTILINE)) == 1


def test_the_unit_leaves_settings_to_the_programs() -> None:
    """They read funding.env themselves, and refuse one that others may write."""
    assert re.findall(r"^Environment.*", UNIT, re.MULTILINE) == []


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    # Programs that exist everywhere stand for those of .venv, which need not be there yet.
    text = re.sub(r"@ROOT@/\.venv/bin/\w+", "/bin/true", UNIT)
    unit = tmp_path / "funding.service"
    unit.write_text(text.replace("@ROOT@", str(tmp_path)).replace("@USER@", "daemon"), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Unknown" not in done.stderr
