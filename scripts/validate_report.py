#!/usr/bin/env python3
"""Judges a day of comparisons by what a switch needs, and says GO or NO-GO.

Reads the database without writing to it; one short write stores the verdict. Python's standard
library only, and nothing of funding/: a report must not trust the program that it judges.
"""

import argparse
import json
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from validation.criteria.coverage import SPAN_HOURS
from validation.errors import NoReport
from validation.read import access
from validation.read.database import opened, store
from validation.read.facts import gather
from validation.read.period import asked_period
from validation.render.document import Document, document
from validation.render.html import html
from validation.render.terminal import terminal
from validation.rules import HOUR_SECONDS
from validation.settings import another_file, database_path, demo_file, minimum_symbols

ROOT = Path(__file__).resolve().parent.parent
GO, NO_GO, NO_REPORT = 0, 1, 2
SHORTEST_SECONDS = SPAN_HOURS * HOUR_SECONDS
"""A report on less cannot say GO: its NO-GO says nothing, and takes no GO away."""


def main(arguments: Sequence[str] | None = None, *, clock: Callable[[], float] = time.time) -> int:
    """One report; returns the exit code. `clock` tells the wall time in Unix seconds."""
    options = _parser().parse_args(arguments)
    try:
        path = Path(options.db) if options.db else database_path(ROOT)
        if not another_file(ROOT) and demo_file(ROOT):
            print("a demonstration runs here: its settings are used", file=sys.stderr)
        found = _make(path, options, clock())
        _deliver(_rendered(found, options.format), options.out)
    except NoReport as reason:
        print(f"no report: {reason}", file=sys.stderr)
        return NO_REPORT
    if not options.no_store:
        _store(path, found)
    return GO if found["verdict"] == "GO" else NO_GO


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Judges the comparisons of the service with REST: may REST be switched off?",
        epilog="Exit code: 0 GO, 1 NO-GO, 2 no report could be made.",
    )
    add = parser.add_argument
    add("--since", default="24h", help="90m, 24h, 7d before --until, or an ISO time (24h)")
    add("--until", help="an ISO time, UTC unless it says otherwise (now)")
    add("--format", choices=("text", "json", "html"), default="text", help="(text)")
    add("--out", metavar="FILE", help="write the report there instead of to standard output")
    add("--no-store", action="store_true", help="do not store the verdict in the database")
    add("--db", metavar="PATH", help="the database (FUNDING_DB, or var/funding.db)")
    add("--exchange", default="binance", help="whose comparisons to judge (binance)")
    return parser


def _make(path: Path, options: argparse.Namespace, now: float) -> Document:
    asked, minimum = asked_period(options.since, options.until, now), minimum_symbols(ROOT)
    with opened(path) as connection:
        found = gather(
            connection, exchange=options.exchange, asked=asked, now=now, minimum_symbols=minimum
        )
        return document(found, now)


def _rendered(found: Document, form: str) -> str:
    if form == "json":
        return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return html(found) if form == "html" else terminal(found)


def _deliver(report: str, out: str | None) -> None:
    """Write the report. One that could not be written is not a verdict: nobody has read it."""
    # Not by sys.stdout, which is None when it was closed, and writes once more at exit what failed.
    name, target = ("standard output", 1) if out is None else (out, out)
    try:
        with open(target, "wb", closefd=out is not None) as file:
            file.write(report.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise NoReport(f"{name} cannot be written: {error.strerror}") from None


def _store(path: Path, found: Document) -> None:
    """Store the verdict, unless its period is too short for a GO. That it is not stored is printed,
    and does not change it."""
    coverage = found["coverage"]
    if coverage["until"] - coverage["since"] < SHORTEST_SECONDS:
        print("a look at less than a day: the verdict is not stored", file=sys.stderr)
        return
    try:
        store(
            path,
            found["exchange"],
            at=found["at"],
            verdict=found["verdict"],
            since=coverage["since"],
            until=coverage["until"],
            text=json.dumps(found, ensure_ascii=False, allow_nan=False),
        )
    except (sqlite3.Error, UnicodeError) as error:
        why = access.closed(path, writing=True) or error
        print(f"the verdict was not stored: {path}: {why}", file=sys.stderr)


def _run() -> int:
    """`main`. A defect is not a NO-GO, for which Python's own exit code stands."""
    try:
        return main()
    except Exception:  # noqa: BLE001 (whatever it is, there is no report)
        traceback.print_exc()
        return NO_REPORT


if __name__ == "__main__":
    sys.exit(_run())
