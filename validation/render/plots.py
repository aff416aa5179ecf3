"""Small drawings as inline SVG, made of strings: no library, no script, no outside resource.

Colours are CSS variables of the page, so that a plot follows light and dark.
"""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 14, 38


def _frame(title: str, inside: Sequence[str], height: int = HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(inside)}</svg>"
    )


def label(x: float, y: float, content: str, anchor: str = "middle", css: str = "") -> str:
    mark = f' class="{css}"' if css else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{mark}>{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def _across(y: float, text: str, css: str = "grid") -> str:
    return line(LEFT, y, WIDTH - RIGHT, y, css) + label(LEFT - 6, y + 4, text, "end")


def _box(x: float, y: float, width: float, height: float, css: str, tip: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}"'
        f' height="{max(height, 0.5):.1f}" class="{css}"><title>{escape(tip)}</title></rect>'
    )


def columns_plot(title: str, names: Sequence[str], pairs: Sequence[tuple[int, int]]) -> str:
    """Two columns for each name on a scale of square roots, so that few beside many are seen."""
    most = max((max(pair) for pair in pairs), default=0) or 1
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(names))
    floor, room = HEIGHT - BOTTOM, HEIGHT - TOP - BOTTOM - 14
    parts = [line(LEFT, floor, WIDTH - RIGHT, floor, "axis")]
    for index, (name, pair) in enumerate(zip(names, pairs, strict=True)):
        x = LEFT + index * slot
        for side, (many, css) in enumerate(zip(pair, ("all", "aligned"), strict=True)):
            tall = (many / most) ** 0.5 * room
            at = x + slot * (0.12 + 0.38 * side)
            if many:
                parts.append(_box(at, floor - tall, slot * 0.36, tall, css, f"{name}: {many:,}"))
        tallest = (max(pair) / most) ** 0.5 * room
        parts.append(label(x + slot / 2, floor - tallest - 5, _short(pair[0]), css="small"))
        parts.append(label(x + slot / 2, floor + 16, name))
    return _frame(title, parts)


def _short(number: int) -> str:
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return str(number)


def time_plot(
    title: str,
    ticks: Sequence[str],
    curves: Sequence[tuple[str, Sequence[float | None]]],
    limit: float,
    gaps: Sequence[tuple[float, float, str]] = (),
) -> str:
    """Curves (CSS class, a value in percent per tick) below or above a dashed limit.

    A curve breaks where its value is None. `gaps` are shaded: begin and end, counted in ticks, and
    what to say of them.
    """
    known = (value for _, values in curves for value in values if value is not None)
    most = max([limit * 1.25, *known])
    floor, room = HEIGHT - BOTTOM, HEIGHT - TOP - BOTTOM
    step = (WIDTH - LEFT - RIGHT) / max(1, len(ticks) - 1)

    def x(place: float) -> float:
        return LEFT + max(0.0, min(len(ticks) - 1.0, place)) * step

    def y(value: float) -> float:
        return float(floor - (value / most) ** 0.5 * room)

    grid = (0.0, most / 100, most / 10, most / 3, most)
    parts = [_box(x(b), TOP, x(e) - x(b), room, "band", tip) for b, e, tip in gaps]
    parts += [_across(y(value), f"{value:.3g}") for value in grid]
    parts.append(line(LEFT, y(limit), WIDTH - RIGHT, y(limit), "limit"))
    parts.append(label(WIDTH - RIGHT, y(limit) - 4, f"limit {limit:g} %", "end", "small"))
    for css, values in curves:
        for stretch in _stretches(values):
            parts.append(_curve([(x(at), y(value)) for at, value in stretch], css))
    every = max(1, -(-len(ticks) // 9))
    parts += [label(x(at), floor + 16, ticks[at]) for at in range(0, len(ticks), every)]
    return _frame(title, parts)


def _stretches(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The places and values between those that are None."""
    found: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is not None:
            found[-1].append((place, value))
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if stretch]


def _curve(points: Sequence[tuple[float, float]], css: str) -> str:
    """A line; a dot where there is one point alone, which no line would show."""
    if len(points) == 1:
        (x, y), *_ = points
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" class="curve {css}"/>'
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" class="curve {css}"/>'


def skew_plot(
    title: str,
    step_ms: int,
    identical: Sequence[Sequence[int]],
    different: Sequence[Sequence[int]],
) -> str:
    """Skew from -10 s to 10 s against difference on a logarithmic scale; larger dots are more."""
    floor, room = HEIGHT - BOTTOM - 24, HEIGHT - TOP - BOTTOM - 24

    def x(step: int) -> float:
        seconds = max(-10.0, min(10.0, (step + 0.5) * step_ms / 1000))
        return LEFT + (seconds + 10) / 20 * (WIDTH - LEFT - RIGHT)

    def y(quarter_decade: float) -> float:
        return floor - (max(-20.0, min(12.0, quarter_decade)) + 20) / 32 * room

    parts = [_box(x(-1) - 18, TOP, 36, floor + 24 - TOP, "band", "readings at most 1 s apart")]
    parts += [_across(y(power * 4), f"{10.0**power:g} %") for power in range(-5, 4, 2)]
    parts.append(line(LEFT, y(0), WIDTH - RIGHT, y(0), "limit"))
    parts.append(label(LEFT - 6, floor + 22, "equal", "end"))
    for step, many in identical:
        if many > 0:
            parts.append(_dot(x(step), floor + 18, many, "aligned"))
    for step, size, many in different:
        parts.append(_dot(x(step), y(size + 0.5), many, "all"))
    for seconds in range(-10, 11, 5):
        at = LEFT + (seconds + 10) / 20 * (WIDTH - LEFT - RIGHT)
        parts.append(label(at, HEIGHT - 12, f"{seconds:+d} s" if seconds else "0"))
    return _frame(title, parts)


def _dot(x: float, y: float, many: int, css: str) -> str:
    radius = min(9.0, 1.5 + len(str(many)) * 1.1)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="{css} dot">'
        f"<title>{many:,} comparisons</title></circle>"
    )


def bars_plot(title: str, rows: Sequence[tuple[str, float]], unit: str) -> str:
    """One bar for each name, the longest first."""
    most = max((value for _, value in rows), default=0.0) or 1.0
    begin, parts = 210, []
    for index, (name, value) in enumerate(rows):
        y = TOP + index * 20
        length = value / most * (WIDTH - begin - 110)
        parts.append(label(begin - 8, y + 12, name, "end"))
        parts.append(_box(begin, y + 2, length, 13, "all", f"{name}: {value:.6g} {unit}"))
        parts.append(label(begin + length + 6, y + 12, f"{value:.5f} {unit}", "start", "small"))
    return _frame(title, parts, TOP * 2 + 20 * max(1, len(rows)))
