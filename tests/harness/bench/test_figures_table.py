"""The figures as tables."""

from html.parser import HTMLParser

from harness.bench.figures import OURS, Figures
from harness.bench.figures_table import text


def test_the_table_says_why_something_is_missing(figures: Figures) -> None:
    shown = text(figures, "a machine")
    assert "not installed" in shown
    assert "nothing measured" in shown
    assert "2 ×" in shown
    assert shown.index("ours") < shown.index("floor")


def test_the_page_needs_nothing_else_and_escapes(figures: Figures) -> None:
    shown = text(figures, "a machine", "html")
    HTMLParser().feed(shown)
    assert "floor &lt;x&gt;" in shown
    assert "<td>not installed" in shown
    assert not any(mark in shown for mark in ("http:", "https:", "<script", "src="))


def test_a_long_note_is_not_cut() -> None:
    made = Figures()
    made.single(5, "memory", OURS, "MB", 150.0, "<" + "each of many processes, " * 20)
    for form in ("simple", "html"):
        shown = text(made, "a machine", form)
        assert "each of many processes, " * 19 in shown
        assert "150 MB" in shown
