"""The examples of docs/client.md in other languages, run against a real API."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.processes import WAIT_SECONDS
from tests.conftest import ROOT
from tests.support.api_process import new_writer, serving, write_frame

TEXT = (ROOT / "docs" / "client.md").read_text("utf-8")
SYMBOLS = ["BTCUSDT", "ETHUSDT"]


def block(language: str, holding: str) -> str:
    """The example in `language` that has this text."""
    found = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    (one,) = [str(each) for each in found if holding in each]
    return one


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A database of two symbols with a past, and the port of an API over it."""
    database = tmp_path_factory.mktemp("examples") / "funding.db"
    writer, feed = new_writer(database)
    with closing(writer), serving(database) as (_, port):
        write_frame(writer, feed, 1, SYMBOLS)
        with closing(apsw.Connection(str(database))) as somebody:
            somebody.execute(
                "INSERT INTO contract (exchange, symbol, status, base_asset, quote_asset,"
                " multiplier, funding_interval_hours, checked_at)"
                " SELECT exchange, symbol, 'TRADING', symbol, 'USDT', 1, 8, 1 FROM quote"
            )
            somebody.execute(
                "INSERT INTO funding_rate SELECT exchange, symbol,"
                " (unixepoch() - 3600) * 1000, 'Regular', 0.0001, 1, 8, 'rest' FROM quote"
            )
        yield database, port


def output(place: tuple[Path, int], command: list[str], example: str) -> str:
    database, port = place
    here = example.replace("localhost:8888", f"localhost:{port}")
    here = here.replace("var/funding.db", str(database))
    done = subprocess.run(
        [*command, here], capture_output=True, text=True, timeout=WAIT_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("sqlite3")), reason="no curl")
def test_a_shell(place: tuple[Path, int]) -> None:
    text = output(place, ["bash", "-euo", "pipefail", "-c"], block("bash", "sqlite3"))
    assert "symbol,fundingRate,annualizedRate\nBTCUSDT,0.0001,0.1095\n" in text.replace("\r", "")
    assert "ETHUSDT,10.95,0.01" in text


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_javascript(place: tuple[Path, int]) -> None:
    text = output(place, ["node", "--input-type=module", "-e"], block("javascript", "fetch"))
    assert text.splitlines() == ["BTCUSDT 0.0001 fresh", "ETHUSDT 0.0001 fresh"]


def test_pandas(place: tuple[Path, int]) -> None:
    text = output(place, [sys.executable, "-c"], block("python", "pandas"))
    assert text.count("BTCUSDT") == 2
    assert "0.0001" in text


def test_every_column_that_pandas_is_asked_for_exists() -> None:
    example = block("python", "pandas")
    columns = set(re.findall(r'(?:history|quotes|latest)\["(\w+)"\]', example))
    assert columns == {"settled", "fundingTime", "annualizedRate", "annualised_pct"}
    compile(example, "client.md", "exec")
