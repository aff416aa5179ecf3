"""The tables that the terminal and the page draw."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.report_days import event, run
from tests.support.report_world import tamper
from validation.render import sections
from validation.render.document import Document
from validation.render.sections import Table

SECTIONS = (
    sections.coverage, sections.outcomes, sections.differences, sections.worst, sections.events,
    sections.rest,
)  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS)
def test_each_row_has_a_cell_for_each_head(
    world: Path, section: Callable[[Document], Table]
) -> None:
    table = section(run(world)[1])
    assert table.rows
    assert {len(row) for row in table.rows} == {len(table.head)}
    assert 0 <= table.numbers < len(table.head)


def test_buckets_are_named_by_their_upper_limits() -> None:
    assert sections.bucket_names([0.0, 0.01, 5.0]) == [
        *("identical", "up to 0.01 %", "up to 5 %", "above 5 %")
    ]


def test_notes_explain(world: Path) -> None:
    tamper(world, event(3, "watchdog", "restart") + event(2, "watchdog", "restart"))
    _, report = run(world)
    assert "2 × restart (watchdog)" in sections.events(report).note
    assert "controls: 72, missed 0" in sections.outcomes(report).note


def test_gaps_and_missing_symbols_are_listed(world: Path) -> None:
    _, report = run(world)
    report["coverage"] |= {
        "only_rest": ["A", "B"],
        "gaps": [{"begin": 0.0, "end": 600.0, "seconds": 600.0}],
    }
    rows = dict(sections.coverage(report).rows)
    assert rows["only in REST"] == "A, B"
    assert rows["only in the stream"] == "none"
    assert rows["gap"] == "1970-01-01T00:00:00Z, 10 min 00 s"
