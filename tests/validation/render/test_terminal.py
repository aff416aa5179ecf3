"""The text: 100 columns, whatever the database holds."""

from pathlib import Path

from scripts import validate_report
from tests.support.report_days import drift, run
from tests.support.report_world import END, tamper
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
    criteria = lines[lines.index("CRITERIA") + 1 :]
    criteria = criteria[: criteria.index("WHAT FAILS") - 1]
    groups = [line.split(":")[0].strip().lower() for line in criteria if line[2] != " "]
    assert groups == [group.value for group in verdict.CRITERIA]
    assert len(criteria) < 33


def test_failures_come_first_and_passes_are_folded(world: Path) -> None:
    _, report = run(world)
    lines = terminal.terminal(report).splitlines()
    values = lines.index("  VALUES: 7 of 7 pass")
    assert lines[values + 1].startswith("    PASS  equal at one event time")
    assert "prices move" in " ".join(lines[values + 2 : values + 6])
    report["criteria"][3]["passed"] = False
    lines = terminal.terminal(report).splitlines()
    assert lines[lines.index("  VALUES: 6 of 7 pass") + 1].startswith("    FAIL  prices move")


def test_what_fails_is_told_first_and_again_before_the_verdict(world: Path) -> None:
    tamper(world, drift(0.5))
    lines = terminal.terminal(run(world)[1]).splitlines()
    block = lines[lines.index("WHAT FAILS") : lines.index("VERDICT: NO-GO: 1 of 32 criteria fail")]
    assert lines[3 : 3 + len(block)] == block
    assert lines[-1 - len(block) : -1] == block
    text = " ".join(" ".join(block).split())
    assert "1. the stream and REST say different things of one instant (still at" in text
    assert "To do: Compare it by hand with scripts/compare_all.py" in text
    assert "Fails: equal at one event time No date for a GO" in text


def test_fair_day_has_no_failures_to_tell(world: Path) -> None:
    assert "WHAT FAILS" not in terminal.terminal(run(world)[1])
