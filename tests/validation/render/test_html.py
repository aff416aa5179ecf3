"""The page: one file, all text escaped."""

import re
from pathlib import Path

from scripts import validate_report
from tests.support.report_days import drift
from tests.support.report_world import END, tamper


def test_page_is_self_contained_and_escaped(hostile: Path) -> None:
    out = hostile.with_suffix(".html")
    options = ["--db", str(hostile), "--format", "html", "--out", str(out)]
    assert validate_report.main(options, clock=lambda: END) == 1
    found = out.read_text("utf-8")
    assert "<script" not in found
    assert "\x1b" not in found
    assert "&lt;script&gt;" in found
    assert not re.search(r"(src|href)=|url\(|@import|https?://", found)
    assert "Content-Security-Policy\" content=\"default-src 'none'" in found
    assert not re.search(r"<[^>]*\s(style|on[a-z]+)=", found)
    assert found.count("<svg") == found.count("</svg>") == 4
    assert "prefers-color-scheme: dark" in found
    assert "nan" not in re.sub(r"<[^>]*title>.*?</title>", "", found.split("<h2>Plots")[1])


def page(path: Path, tmp_path: Path) -> str:
    out = tmp_path / "report.html"
    options = ["--db", str(path), "--no-store", "--format", "html", "--out", str(out)]
    validate_report.main(options, clock=lambda: END)
    return out.read_text("utf-8")


def test_failures_stand_before_everything_and_passes_are_folded(
    world: Path, tmp_path: Path
) -> None:
    tamper(world, drift(0.5))
    found = page(world, tmp_path)
    before, _, folded = found.partition("<h2>Criteria</h2>")
    assert "1 of 32 criteria fail. No date for a GO" in before
    assert "the stream and REST say different things of one instant" in before
    assert "1: SOLUSDT" in before
    assert "prices move" not in before
    unfolded = re.sub(r"<details>.*?</details>", "", folded, flags=re.DOTALL)
    assert "prices move" in folded
    assert "prices move" not in unfolded


def test_fair_day_has_no_failures(world: Path, tmp_path: Path) -> None:
    found = page(world, tmp_path)
    assert "What fails" not in found
    assert re.search(r"<b>GO</b><span>all \d+ criteria are met", found)


def test_phone_has_found_and_wanted_under_the_name(world: Path, tmp_path: Path) -> None:
    """In a column beside it, each of them had room for one letter."""
    found = page(world, tmp_path)
    narrow = found.split("@media (max-width: 720px)")[1].split("@media print")[0]
    assert ".criteria td[data-label] { grid-column: 1 / -1; }" in narrow
    table = found.split('<table class="criteria">')[1].split("</table>")[0]
    rows = table.count("<tr>") - 1
    assert table.count('data-label="found"') == table.count('data-label="wanted"') == rows == 7
