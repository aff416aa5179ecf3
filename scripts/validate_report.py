#!/usr/bin/env python3
"""Compares a day of comparisons with what a switch needs, and says GO or NO-GO.

Reads the database without writing to it; one short write stores the verdict. Python's standard
library only, and nothing of funding/: a report that trusts the program it judges is none.
"""

import argparse
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from validation.criteria.coverage import LONGEST_GAP_SECONDS
from validation.read.database import NoReport, default_path, facts, opened, seconds_before, store
from validation.render.document import Document, document
from validation.render.html import page
from validation.render.terminal import text

ROOT = Path(__file__).resolve().parent.parent
GO, NO_GO, NO_REPORT = 0, 1, 2
FEWEST_SYMBOLS = 500
"""The default of FUNDING_MIN_SYMBOLS: with fewer the service is not healthy either."""


def main(arguments: Sequence[str] | None = None, *, clock: Callable[[], float] = time.time) -> int:
    """One report; returns the exit code. `clock` tells the wall time in Unix seconds."""
    options = _parser().parse_args(arguments)
    path = Path(options.db) if options.db else default_path(ROOT)
    try:
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
    until = _instant("--until", options.until) if options.until else now
    back = seconds_before(options.since)
    # Who asks for 24 h asks in the midst of a minute: comparisons, at most one permitted gap
    # apart, span all of them only when the one before the first second counts as well.
    since = (
        until - back - LONGEST_GAP_SECONDS
        if back is not None
        else _instant("--since", options.since)
    )
    if since >= until:
        raise NoReport(f"the period ends before it begins: --since {options.since}")
    with opened(path) as connection, _readable(path):
        found = facts(
            connection,
            exchange=options.exchange,
            since=since,
            until=until,
            now=now,
            minimum_symbols=_minimum_symbols(),
        )
        return document(found, now)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """A table without STRICT may hold anything anywhere: what no column of ours can be ends the
    report with a sentence."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise NoReport(f"{path} holds a value that no column of its kind has: {error}") from None


def _instant(name: str, text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise NoReport(f"{name} {text!r} is no time such as 24h or 2026-01-31T08:00:00Z") from None


def _minimum_symbols() -> int:
    text = os.environ.get("FUNDING_MIN_SYMBOLS") or str(FEWEST_SYMBOLS)
    if not (text.isascii() and text.isdigit()):
        raise NoReport(f"FUNDING_MIN_SYMBOLS={text!r} is no whole number")
    return int(text)


def _rendered(found: Document, form: str) -> str:
    if form == "json":
        return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return page(found) if form == "html" else text(found)


def _deliver(report: str, out: str | None) -> None:
    """Write the report. Nobody has read one that could not be: there is no verdict then."""
    # Not by sys.stdout, which is None when it was closed, and writes once more at exit what failed.
    name, target = ("standard output", 1) if out is None else (out, out)
    try:
        with open(target, "wb", closefd=out is not None) as file:
            file.write(report.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise NoReport(f"{name} cannot be written: {error.strerror}") from None


def _store(path: Path, found: Document) -> None:
    """Store the verdict; that it could not be is said, and changes no verdict."""
    coverage = found["coverage"]
    try:
        store(
            path,
            at=found["at"],
            verdict=found["verdict"],
            since=coverage["since"],
            until=coverage["until"],
            text=json.dumps(found, ensure_ascii=False, allow_nan=False),
        )
    except (sqlite3.Error, UnicodeError) as error:
        print(f"the verdict was not stored: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
