"""The page: one file, all text escaped."""

import re
from pathlib import Path

from scripts import validate_report
from tests.support.report_world import END


def test_page_is_self_contained_and_escaped(hostile: Path) -> None:
    out = hostile.with_suffix(".html")
    options = ["--db", str(hostile), "--format", "html", "--out", str(out)]
    assert validate_report.main(options, clock=lambda: END) == 1
    found = out.read_text("utf-8")
    assert "<script" not in found
    assert "\x1b" not in found
    assert "&lt;script&gt;" in found
    assert not re.search(r"(src|href)=|url\(|@import|https?://", found)
    assert found.count("<svg") == found.count("</svg>") == 4
    assert "prefers-color-scheme: dark" in found
    assert "nan" not in re.sub(r"<[^>]*title>.*?</title>", "", found.split("<h2>Plots")[1])
