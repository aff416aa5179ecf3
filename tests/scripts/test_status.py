"""scripts/status as a program: whatever is down, it says so and ends."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from funding.runtime.clock import SYSTEM
from harness.processes import WAIT_SECONDS, finished, running, until
from tests.conftest import ROOT, free_port
from tests.support.clock import write
from tests.support.compared_service import quote

STATUS: list[str | Path] = [sys.executable, ROOT / "scripts" / "status.py"]


def status(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return finished([*STATUS, *options], ROOT, **settings(folder))


def settings(folder: Path) -> Mapping[str, object]:
    return {
        "FUNDING_DB": folder / "funding.db",
        "FUNDING_SUPERVISOR": folder / "s",
        "FUNDING_API_PORT": free_port(),
        "FUNDING_MIN_SYMBOLS": 1,
    }


def test_with_nothing_there(short_path: Path) -> None:
    done = status(short_path)
    assert done.returncode == 1
    assert "UNHEALTHY" in done.stdout.splitlines()[0]
    for words in ("no quotes are stored yet", "supervisord does not answer", "the API does not"):
        assert words in done.stdout
    assert list(short_path.iterdir()) == [], "it makes nothing"


def test_as_json_with_a_store(short_path: Path) -> None:
    write(short_path / "funding.db", SYSTEM, [quote()])
    done = status(short_path, "--json")
    found = json.loads(done.stdout)
    assert found["feeds"][0]["freshSymbols"] == 1
    assert found["status"] == "degraded", "nobody answers"
    assert done.returncode == 1


def test_an_argument_that_cannot_be(short_path: Path) -> None:
    write(short_path / "funding.db", SYSTEM, [quote()])
    done = finished([*STATUS, "--watch", "nonsense"], ROOT, **settings(short_path))
    assert done.returncode == 2


def test_it_looks_again_and_again(short_path: Path) -> None:
    write(short_path / "funding.db", SYSTEM, [quote()])
    log = short_path / "log"
    command = [*STATUS, "--watch", "0.2", "--json"]
    with running(command, log, settings=settings(short_path)):
        until(lambda: log.read_text().count('"status":') >= 2, "two looks")


@pytest.mark.parametrize("option", ["--help"])
def test_the_command_itself(option: str) -> None:
    if not (ROOT / ".venv/bin/python").exists():
        pytest.skip("there is no .venv here")
    done = subprocess.run(
        ["bash", "scripts/status", option],
        cwd=ROOT, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "--watch" in done.stdout


def test_a_service_without_binance(short_path: Path) -> None:
    texts = {**settings(short_path), "FUNDING_EXCHANGES": "kucoin,hyperliquid"}
    done = finished([*STATUS, "--json"], ROOT, **texts)
    found = json.loads(done.stdout)
    assert [each["exchange"] for each in found["feeds"]] == ["kucoin", "hyperliquid"]
