"""The study of settled rates, as a person starts it."""

import csv
from pathlib import Path

import pytest

from scripts import study
from tests.support.settlements import settlements
from tests.support.store import writing


@pytest.fixture
def rates(tmp_path: Path) -> Path:
    """Two symbols: one with a gap, one with a special rate beside a regular one."""
    path = tmp_path / "rates.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["symbol", "fundingTime", "fundingRate", "rateType"])
        for row in settlements([0, 8, 16, 32, 40], [1e-4, 1e-4, -1e-4, 1e-4, 1e-4]):
            writer.writerow(["BTCUSDT", row.funding_time, row.rate, "Regular"])
        for row in settlements(range(0, 800, 8)):
            writer.writerow(["TSLAUSDT", row.funding_time, row.rate, "Regular"])
        writer.writerow(["TSLAUSDT", row.funding_time, 0.5, "Special"])
    return path


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert study.main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_table_of_symbols(rates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, rates)
    lines = [line.split() for line in found.splitlines()]
    (btc,) = [line for line in lines if line and line[0] == "BTCUSDT"]
    assert btc == [
        "BTCUSDT", "5", "2025-11-24", "2025-11-26", "8", "6.57", "80.00", "80.0", "83.3", "0", "1",
        "8", "48",
    ]  # fmt: skip
    assert "settlements against the 30 days before each: |Z| > 2 in 0.0 %" in found
    assert "TSLAUSDT" in found


def test_gaps_symbols_and_period(rates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, rates, "--gaps", "--symbols", "BTCUSDT")
    assert "TSLAUSDT" not in found
    assert "BTCUSDT: 1 settlement missing (8 h) between 2025-11-25T08:00:00Z and" in found
    assert "No Z-score" in found
    early = said(capsys, rates, "--until", "2025-11-26", "--symbols", "TSLAUSDT")
    assert "2025-11-26" not in early
    assert "TSLAUSDT  4" in early


def test_numpy_is_optional(rates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "numpy" in said(capsys, rates, "--numpy").splitlines()[-1]


def test_what_is_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "funding.db"
    with writing(path) as writer:
        columns = "?, ?, ?, ?, ?, ?, ?, ?"
        for row in settlements(range(0, 80, 8)):
            writer.rows(f"INSERT INTO funding_rate VALUES ({columns})", row)
    monkeypatch.setenv("FUNDING_DB", str(path))
    assert "BTCUSDT   10" in said(capsys)
    assert study.main(["--exchange", "kucoin"]) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,2\n", "needs a column of times and one of rates"),
        ("time,rate\nnoon,2\n", "invalid literal"),
        ("time,rate\n", "no settled rates there"),
    ],
)
def test_file_that_cannot_be_studied(
    tmp_path: Path, content: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.csv").write_text(content)
    assert study.main([str(tmp_path / "x.csv")]) == 2
    assert words in capsys.readouterr().err
    assert study.main([str(tmp_path / "nothing.csv")]) == 2
