#!/usr/bin/env python3
"""Compares all symbols of an exchange in the store with its REST: table, summary, verdict."""

import argparse
import json
import logging
import sys
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from funding import errors, startup
from funding.comparison.pair import alarms, compare_all
from funding.comparison.report import Round, as_data, as_text
from funding.comparison.summary import summarise
from funding.exchanges.exchange import Exchange
from funding.exchanges.table import EXCHANGES
from funding.model.quote import Source
from funding.rest.exchange_client import ExchangeClient
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
    """Compares the store's quotes of `exchange` with REST, and stores that with `keep`."""

    def __init__(self, settings: Settings, exchange: Exchange, *, keep: bool) -> None:
        self._settings = settings
        self._keep = keep
        self._reader = Reader(settings.db, exchange.name, SYSTEM)
        options = settings.options(exchange.name)
        self._store = DurableConnection(settings.db, rest_host=urlsplit(options.rest_url).hostname)
        usage, budget = RestUsage(self._store, exchange.name), settings.budget(exchange)
        self._rest = ExchangeClient(
            exchange, options, SOURCE, usage=usage, budget=budget, clock=SYSTEM
        )

    def compare(self) -> Round:
        """One comparison of all symbols. Raises `RestError`s and `StoreError`s."""
        before = self._reader.all()
        if not before:
            problem = f"holds no quote of {self._reader.exchange}: is its ingest running?"
            raise errors.StoreError(str(self._settings.db), problem)
        replies = self._rest.snapshot()
        after = self._reader.all()
        at = SYSTEM.wall()
        exchange = self._reader.exchange
        rows = compare_all(before, replies, after, source=SOURCE, exchange=exchange, at=at)
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
        self._rest.close()


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


def main() -> int:
    """Exit codes: 0 EXCELLENT or GOOD, 1 POOR, 2 cannot compare; with --every that of the last."""
    rows = startup.argument(whole(0, 10_000, "a number of rows"))
    seconds = startup.argument(number(1, 86_400, "a number of seconds"))
    parser = startup.parser("scripts/compare_all.py", f"{__doc__}\n\n{main.__doc__}")
    parser.add_argument("--every", type=seconds, metavar="SECONDS", help="repeat until stopped")
    parser.add_argument("--json", action="store_true", help="JSON; with --every a line a round")
    parser.add_argument("--top", type=rows, default=10, metavar="N", help="rows of the table (10)")
    parser.add_argument("--no-store", action="store_true", help="do not store the comparisons")
    parser.add_argument("--exchange", choices=EXCHANGES, help="which one (the first one followed)")
    arguments = parser.parse_args()
    settings = group_settings.adopted(startup.begin("compare_all", sys.stderr), "compare_all")
    exchange = EXCHANGES[arguments.exchange or settings.first]
    stopping = startup.stop_on_signal() if arguments.every else threading.Event()
    with closing(Comparer(settings, exchange, keep=not arguments.no_store)) as comparer:
        while True:
            status = run(comparer, arguments)
            if not arguments.every or stopping.wait(arguments.every):
                return status


if __name__ == "__main__":
    sys.exit(main())
