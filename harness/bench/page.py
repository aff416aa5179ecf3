"""The figures as one HTML page that needs nothing else: bars as inline SVG, by group. Pure."""

from html import escape

from harness.bench.figures import OURS, Figure, Figures
from harness.bench.table import ROWS, goals, number

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c1c1c; background: #fff }
table { border-collapse: collapse } td { padding: .15rem .8rem .15rem 0; vertical-align: top }
.MISSED { color: #a40000; font-weight: bold } h3 { margin: 1.2rem 0 .2rem; font-size: 1rem }
.note { margin: 0; font-size: 12px; color: #555 }
svg text { font: 12px system-ui, sans-serif; fill: #1c1c1c }
.ours { fill: #1b6e53 } .other { fill: #8a94a0 } .p99 { opacity: .35 }
"""
_NAME, _WIDTH, _HEIGHT = 210, 880, 20


def page(figures: Figures, heading: str) -> str:
    """The whole."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>How fast, how small</title>",
        f"<style>{_STYLE}</style><h1>How fast, how small</h1><p>{escape(heading)}</p>",
        "<p>Full bars are medians, faint ones p99; shorter is better but for rates.</p>",
        "<h2>Goals</h2><table>",
    ]
    for text, seen, verdict in goals(figures):
        cells = f"<td>{escape(text)}<td>{seen}<td class='{verdict.split()[0]}'>{verdict}"
        parts.append(f"<tr>{cells}")
    parts.append("</table>")
    for row, title in ROWS.items():
        held = [one for one in figures.held if one.row == row]
        if held:
            parts.append(f"<h2>{row}. {escape(title)}</h2>")
        for what in dict.fromkeys(one.what for one in held):
            parts.append(f"<h3>{escape(what)}</h3>")
            parts.append(_bars([one for one in held if one.what == what]))
    return "\n".join(parts) + "\n"


def _bars(group: list[Figure]) -> str:
    group = sorted(group, key=lambda one: one.who != OURS)
    most = max([value for one in group for value in (one.median, one.p99) if value] or [1.0])
    scale = (_WIDTH - _NAME - 260) / most
    parts = [f"<svg width='{_WIDTH}' height='{_HEIGHT * len(group)}' role='img'>"]
    for place, one in enumerate(group):
        parts.append(_bar(one, place * _HEIGHT, scale))
    notes = [f"{one.who}: {one.why}" for one in group if one.why and one.median is not None]
    return "".join([*parts, "</svg>", *(f"<p class='note'>{escape(note)}</p>" for note in notes)])


def _bar(one: Figure, top: int, scale: float) -> str:
    colour = "ours" if one.who == OURS else "other"
    drawn = [f"<text x='0' y='{top + 14}'>{escape(one.who)}</text>"]
    for value, kind in ((one.p99, f"{colour} p99"), (one.median, colour)):
        if value is not None:
            box = f"x='{_NAME}' y='{top + 3}' width='{max(1.0, value * scale):.1f}' height='14'"
            drawn.append(f"<rect class='{kind}' {box}/>")
    end = _NAME + max(one.median or 0, one.p99 or 0) * scale + 6
    label = "" if one.median is None else f"{number(one.median)} {one.unit}"
    if one.p99 is not None:
        label += f", p99 {number(one.p99)}"
    shown = escape(label or one.why[:90])
    return "".join([*drawn, f"<text x='{end:.1f}' y='{top + 14}'>{shown}</text>"])
