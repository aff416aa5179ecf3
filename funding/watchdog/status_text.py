"""What `scripts/status` shows, as tables of text: for a terminal, and for a pipe. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from funding.watchdog.status_data import Extreme, FeedState, Happening, LastVerdict, Program, Status
from funding.watchdog.troubles import in_words

DETAIL_LENGTH = 100
DASH = "-"


class Table(NamedTuple):
    """Rows under headings. The last column may be cut where there is no room."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = "none"


def heading(status: Status) -> str:
    """The first line: where, when, how it is."""
    at = datetime.fromtimestamp(status.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"funding on {status.host}, {status.folder}, {at}: {status.status.upper()}"


def tables(status: Status) -> list[Table]:
    """All of it."""
    return [
        Table("wrong", ("",), [[text] for text in status.errors]),
        Table("warnings", ("",), [[text] for text in status.warnings]),
        Table(
            "programs",
            ("program", "state", "pid", "uptime", "MB", "supervisord says"),
            [_program(each) for each in status.programs],
            "supervisord does not answer",
        ),
        Table(
            "feeds",
            (
                "exchange",
                "stream",
                "fresh",
                "stale",
                "newest",
                "lag",
                "reconnects",
                "REST",
                "problem",
            ),
            [_feed(each) for each in status.feeds],
        ),
        Table("API", ("",), [[status.api]]),
        Table(
            "extremes",
            ("symbol", "exchange", "% a year", "% an interval", "settles", "Z", "age"),
            [_extreme(each) for each in status.extremes],
            "no rates are stored",
        ),
        Table(
            "last events",
            ("at", "source", "kind", "lasted", "what"),
            [_event(each) for each in status.events],
        ),
        Table(
            "verdicts",
            ("exchange", "last report", "it is worth", "age", "failing"),
            [_verdict(each) for each in status.verdicts],
            "no report is stored: scripts/validate_report.py",
        ),
    ]


def plain(status: Status) -> str:
    """For a pipe, or a terminal without rich."""
    lines = [heading(status)]
    for table in tables(status):
        lines += ["", table.title]
        if not table.rows:
            lines.append(f"  {table.empty}")
            continue
        rows = [*([table.headings] if any(table.headings) else []), *table.rows]
        widths = [max(len(row[place]) for row in rows) for place in range(len(table.headings))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append(f"  {'  '.join(cells)}".rstrip())
    return "\n".join(lines)


def _program(each: Program) -> list[str]:
    runs = each.state == "RUNNING"
    uptime, memory = in_words(each.uptime_seconds), f"{each.memory_mb:.0f}"
    said = "" if runs else each.description
    return [each.name, each.state, str(each.pid or DASH), *_if(runs, uptime, memory), said]


def _feed(each: FeedState) -> list[str]:
    return [
        each.exchange,
        "connected" if each.connected else "not connected",
        str(each.fresh_symbols),
        str(each.stale_symbols),
        _seconds(each.newest_age_seconds),
        _seconds(each.lag_seconds),
        str(each.reconnects),
        "stands in" if each.rest_stands_in else DASH,
        each.problem[:DETAIL_LENGTH],
    ]


def _extreme(each: Extreme) -> list[str]:
    return [
        each.symbol,
        each.exchange,
        f"{each.annualised_pct:+.2f}",
        f"{each.funding_pct:+.6f}",
        (each.next_funding or DASH)[11:16] or DASH,
        DASH if each.z_score is None else f"{each.z_score:+.2f}",
        _seconds(each.age_seconds),
    ]


def _event(each: Happening) -> list[str]:
    many = f" ({each.count} times)" if each.count > 1 else ""
    lasted = DASH if each.duration_seconds is None else in_words(each.duration_seconds)
    return [each.at, each.source, each.kind, lasted, each.detail[:DETAIL_LENGTH] + many]


def _verdict(each: LastVerdict) -> list[str]:
    return [each.exchange, each.verdict, each.standing, in_words(each.age_seconds), each.failing]


def _if(shown: bool, *cells: str) -> list[str]:
    return [cell if shown else DASH for cell in cells]


def _seconds(seconds: float | None) -> str:
    if seconds is None or seconds == float("inf"):
        return DASH
    return f"{seconds:.1f} s" if seconds < 100 else in_words(seconds)
