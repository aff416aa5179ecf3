#!/usr/bin/env python3
"""Everything on one screen: programs, feeds, freshness, extremes, events, verdicts.

Writes nothing. Whatever is down is said in words.
"""

import argparse
import sys
import time
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from funding import startup
from funding.exchanges.table import EXCHANGES
from funding.runtime import access
from funding.runtime.clock import SYSTEM
from funding.settings.service import Settings
from funding.store.reader import Reader
from funding.watchdog import group_settings, status_text
from funding.watchdog.collector import FactsCollector
from funding.watchdog.feed_reader import feed_reader
from funding.watchdog.status_data import Status, status_of
from funding.watchdog.supervisor import SupervisorClient

WATCH_SECONDS = 2.0
COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}


def make_collector(settings: Settings) -> FactsCollector:
    """What looks at the service, as the watchdog does, except for REST."""
    return FactsCollector(
        settings,
        reader=Reader(settings.db, settings.first, SYSTEM),
        supervisor=SupervisorClient(settings.supervisor),
        clock=SYSTEM,
        last_comparison=lambda: None,
        others=[
            feed_reader(settings, EXCHANGES[name], lambda: None, SYSTEM)
            for name in settings.exchanges
            if name != settings.first
        ],
    )


def drawn(status: Status) -> object:
    """The screen for a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[object] = [Text(status_text.heading(status), style=COLOURS[status.status])]
    for table in status_text.tables(status):
        if not table.rows:
            parts.append(Text(f"{table.title}: {table.empty}", style="dim"))
            continue
        made = Table(
            title=table.title,
            title_justify="left",
            box=None,
            show_header=any(table.headings),
            pad_edge=False,
        )
        for name in table.headings:
            made.add_column(name, no_wrap=True, overflow="ellipsis")
        for row in table.rows:
            made.add_row(*(Text(cell) for cell in row))
        parts.append(made)
    return Group(*parts)  # type: ignore[arg-type]


def show(status: Status, *, as_json: bool) -> None:
    """One look on stdout."""
    if as_json:
        print(msgspec.json.encode(status).decode(), flush=True)
    elif _is_terminal():
        from rich.console import Console

        Console().print(drawn(status))
    else:
        print(status_text.plain(status), flush=True)


def watch(settings: Settings, collector: FactsCollector, seconds: float, *, as_json: bool) -> None:
    """Looks until Ctrl-C."""
    if as_json or not _is_terminal():
        while True:
            show(status_of(settings, collector, SYSTEM), as_json=as_json)
            time.sleep(seconds)
    from rich.live import Live

    with Live(screen=True, auto_refresh=False) as live:
        while True:
            live.update(drawn(status_of(settings, collector, SYSTEM)), refresh=True)  # type: ignore[arg-type]
            time.sleep(seconds)


def _is_terminal() -> bool:
    if not sys.stdout.isatty():
        return False
    try:
        import rich  # noqa: F401
    except ImportError:
        return False
    return True


def main() -> int:
    """Exit codes: 0 healthy, 1 degraded or unhealthy, 2 this user may not look, or a setting or
    argument is wrong."""
    parser = argparse.ArgumentParser(
        prog="scripts/status",
        description="Everything on one screen. Writes nothing.",
        epilog="Exit code: 0 healthy, 1 degraded or unhealthy, 2 this user may not look.",
    )
    parser.add_argument(
        "--watch",
        nargs="?",
        type=float,
        const=WATCH_SECONDS,
        metavar="SECONDS",
        help="look again every so many seconds (2), until Ctrl-C",
    )
    parser.add_argument("--json", action="store_true", help="as one line of JSON for each look")
    arguments = parser.parse_args()
    settings = group_settings.adopted(startup.begin("status", sys.stderr), "scripts/status")
    closed = access.closed(settings.db, endings=access.DATABASE)
    if closed:
        print(f"scripts/status: {settings.db}: {closed}", file=sys.stderr)
        return 2
    collector = make_collector(settings)
    if arguments.watch is not None:
        try:
            watch(settings, collector, max(0.2, arguments.watch), as_json=arguments.json)
        except KeyboardInterrupt:
            return 0
    status = status_of(settings, collector, SYSTEM)
    show(status, as_json=arguments.json)
    return 0 if status.status == "healthy" else 1


if __name__ == "__main__":
    sys.exit(main())
