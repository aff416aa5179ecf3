"""The text: 100 columns, whatever the database holds."""

from pathlib import Path

from scripts import validate_report
from tests.support.report_world import END
from validation.criteria import verdict
from validation.render import terminal, text


def test_text_fits_a_terminal_and_holds_no_escape_codes(hostile: Path) -> None:
    out = hostile.with_suffix(".txt")
    options = ["--db", str(hostile), "--out", str(out)]
    assert validate_report.main(options, clock=lambda: END) == 1
    lines = out.read_text("utf-8").splitlines()
    assert not any("\x1b" in line for line in lines)
    assert [line for line in lines if text.columns(line) > terminal.WIDTH] == []
    assert lines[-1].startswith("VERDICT: NO-GO: ")
    for section in ("PERIOD", "COMPARISONS", "DISTRIBUTION", "THE TWENTY", "DRIFT", "REST"):
        assert any(line.startswith(section) for line in lines)
    assert sum(line.startswith(("  PASS", "  FAIL")) for line in lines) == len(verdict.CRITERIA)
