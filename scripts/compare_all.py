#!/usr/bin/env python3
"""Compares all symbols of the store with REST in one call (weight 10): table, summary, verdict."""

import argparse
import json
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from funding import errors, startup
from funding.comparison.pair import alarms, compare_all
from funding.comparison.report import Round, as_data, as_text
from funding.comparison.summary import summarise
from funding.exchanges.binance import stream as binance
from funding.model.quote import Source
from funding.rest.client import RestClient
from funding.runtime.clock import SYSTEM
from funding.runtime.logs import printable
from funding.settings.service import Settings
from funding.settings.table import number, whole
from funding.store.comparisons import Comparisons
from funding.store.durable import DurableConnection
from funding.store.events import Events
from funding.store.reader import Reader
from funding.store.rest_usage import RestUsage
from funding.watchdog import group_settings

log = logging.getLogger("compare_all")

SOURCE = "compare_all"
EXIT = {"EXCELLENT": 0, "GOOD": 0, "POOR": 1}
CANNOT = 2


class Comparer:
    """Compares the store's quotes with REST, and stores the comparisons with `keep`."""

    def __init__(self, settings: Settings, *, keep: bool) -> None:
        self._settings = settings
        self._keep = keep
        self._reader = Reader(settings.db, binance.NAME, SYSTEM)
        self._store = DurableConnection(settings.db, rest_host=settings.rest_host)
        usage, budget = RestUsage(self._store), settings.rest_weight
        self._rest = RestClient(settings.rest_url, SOURCE, usage=usage, budget=budget, clock=SYSTEM)

    def compare(self) -> Round:
        """One comparison of all symbols. Raises `RestError`s and `StoreError`s."""
        before = self._reader.all()
        if not before:
            raise errors.StoreError(str(self._settings.db), "holds no quote: is ingest running?")
        replies = self._rest.premium_indices()
        after = self._reader.all()
        at = SYSTEM.wall()
        rows = compare_all(before, replies, after, source=SOURCE, exchange=binance.NAME, at=at)
        limit = self._settings.stale_after
        stale = [quote.symbol for quote in after if quote.age_seconds > limit]
        if len(stale) == len(after):
            problem = f"every quote is older than {limit:g} s: is ingest running?"
            raise errors.StoreError(str(self._settings.db), problem)
        if all(each.source is Source.REST for each in after if each.age_seconds <= limit):
            problem = "every fresh quote is REST's own, which stands in for the stream"
            raise errors.StoreError(str(self._settings.db), problem)
        events = alarms(rows)
        for event in events:
            log.warning("significant: %s", event.detail)
        if self._keep:
            with self._store.transaction():
                Comparisons(self._store).add(rows)
                Events(self._store).add(events)
        return Round(at, rows, summarise(rows), stale, limit)

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()
        self._store.close()


def run(comparer: Comparer, arguments: argparse.Namespace) -> int:
    """One comparison on stdout, or one line on stderr; its exit code."""
    try:
        found = comparer.compare()
    except errors.FundingError as error:
        print(f"compare_all: cannot compare: {printable(str(error))}", file=sys.stderr)
        return CANNOT
    if arguments.json:
        indent = None if arguments.every else 2
        print(json.dumps(as_data(found, arguments.top), ensure_ascii=False, indent=indent))
    else:
        for line in as_text(found, arguments.top) + [""] * bool(arguments.every):
            print(printable(line))
    sys.stdout.flush()
    return EXIT[found.summary.verdict]


def _argument(cast: Callable[[str], Any], expected: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return cast(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {expected}") from None

    return read


def main() -> int:
    """Exit codes: 0 EXCELLENT or GOOD, 1 POOR, 2 cannot compare; with --every that of the last."""
    rows = _argument(whole(0, 10_000).read, "a number of rows, 0 to 10000")
    seconds = _argument(number(1, 86_400).read, "a number of seconds, 1 to 86400")
    parser = startup.parser("scripts/compare_all.py", f"{__doc__}\n\n{main.__doc__}")
    parser.add_argument("--every", type=seconds, metavar="SECONDS", help="repeat until stopped")
    parser.add_argument("--json", action="store_true", help="JSON; with --every a line a round")
    parser.add_argument("--top", type=rows, default=10, metavar="N", help="rows of the table (10)")
    parser.add_argument("--no-store", action="store_true", help="do not store the comparisons")
    arguments = parser.parse_args()
    settings = group_settings.adopted(startup.begin("compare_all", sys.stderr), "compare_all")
    stopping = startup.stop_on_signal() if arguments.every else threading.Event()
    with closing(Comparer(settings, keep=not arguments.no_store)) as comparer:
        while True:
            status = run(comparer, arguments)
            if not arguments.every or stopping.wait(arguments.every):
                return status


if __name__ == "__main__":
    sys.exit(main())
