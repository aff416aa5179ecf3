#!/usr/bin/env python3
"""Fetches settled rates of the past into the store, and what is missing between them.

It goes on where it was stopped, fetches nothing twice, and shares the allowance of REST with all
programs. Interrupt it whenever you like.
"""

import logging
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from funding import errors, startup
from funding.exchanges.table import EXCHANGES
from funding.history.backfill import Backfill, Job
from funding.history.fetcher import Fetcher
from funding.history.gap_search import GapSearch
from funding.history.statistics import Statistics
from funding.model.quote import fold
from funding.model.settlement import Announced
from funding.rest.exchange_client import ExchangeClient
from funding.runtime.clock import SYSTEM
from funding.runtime.logs import printable
from funding.runtime.progress import progress
from funding.settings.service import Settings
from funding.settings.table import number
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage
from funding.store.settlements import Settlements
from funding.watchdog import group_settings

log = logging.getLogger("backfill")

NAME = "backfill"


class Run:
    """One backfill of `exchange` over `store`, of the last `days`."""

    def __init__(
        self, settings: Settings, store: DurableConnection, exchange: str, days: float
    ) -> None:
        self._days = days
        self._store = store
        self._exchange = exchange
        usage, options = RestUsage(store, exchange), settings.options(exchange)
        rest = ExchangeClient(EXCHANGES[exchange], options, NAME, usage=usage, clock=SYSTEM)
        self._table = Settlements(store, exchange)
        contracts = Contracts(store).of(exchange)
        self._contracts = contracts
        # The service's own window: other days would be a table of other statistics.
        self._statistics = self._of_days(exchange, settings.history_days)
        fetcher = Fetcher(rest, self._table, SYSTEM)
        self._backfill = Backfill(
            fetcher, self._table, days=days, settled=lambda _: None, clock=SYSTEM
        )
        windows = self._of_days(exchange, days)
        self._search = GapSearch(store, self._table, fetcher, windows, SYSTEM)

    def wanted(self, names: Sequence[str]) -> list[Announced]:
        """The contracts `names`, whether or not they trade, or without names all that do. Raises
        `StoreError` where one is not known."""
        trading = self._table.announced()
        if not names:
            return trading
        known = {fold(each.symbol): each for each in trading}
        contracts = {fold(name): each for name, each in self._contracts.items()}
        wanted = {fold(name): name for name in names}
        for name in wanted.keys() - known.keys():
            listed = contracts.get(name)
            if listed is None:
                raise errors.StoreError(
                    wanted[name], f"not listed by {self._exchange}: is history.py running?"
                )
            hours, asset = listed.funding_interval_hours, listed.base_asset
            known[name] = Announced(listed.symbol, 0, hours, None, asset, listed.listed_time)
        return [known[name] for name in wanted]

    def fetch(self, wanted: Sequence[Announced]) -> None:
        """All that is missing, and then the gaps."""
        pieces = self._backfill.pieces(wanted)
        names = [each.symbol for each in wanted]
        with progress(len(pieces), "question", log_line) as advance:
            for piece in pieces:
                wait_for(self._backfill.ask(piece))
                advance()
        wait_for(self._search.run(names))
        self._statistics.update(names)

    def summary(self, wanted: Sequence[Announced]) -> str:
        """What there is now."""
        since = int((SYSTEM.wall() - self._days * 86_400) * 1_000)
        rates = sum(len(self._table.since(each.symbol, since)) for each in wanted)
        gaps = self._table.gaps()
        missing = sum(gap.missing for each in wanted for gap in gaps.get(each.symbol, ()))
        return (
            f"{len(wanted)} contracts, {rates} settled rates of the last {self._days:g} days,"
            f" {missing} settlements that the exchange does not have"
        )

    def _of_days(self, exchange: str, days: float) -> Statistics:
        return Statistics(
            self._store, exchange, days=days, contracts=lambda: self._contracts, clock=SYSTEM
        )


def log_line(line: str) -> None:
    """Progress where there is no terminal."""
    print(line, file=sys.stderr, flush=True)


def wait_for(job: Job) -> None:
    """Run `job` to its end, with its pauses."""
    for pause in job:
        if pause:
            log.info("the allowance is used up: on in %.0f s", pause)
            time.sleep(pause)


def main() -> int:
    """Exit codes: 0 all is there, 1 the store or the exchange fails, 2 an argument is wrong."""
    parser = startup.parser("scripts/backfill.py", f"{__doc__}\n\n{main.__doc__}")
    days = startup.argument(number(1, 4_000, "a number of days"))
    parser.add_argument("--days", type=days, default=30.0, help="of the past, 1 to 4000 (30)")
    parser.add_argument("--symbols", nargs="+", default=[], metavar="SYMBOL", help="only these")
    parser.add_argument("--exchange", choices=list(EXCHANGES), default="binance")
    arguments = parser.parse_args()
    settings = group_settings.adopted(startup.begin(NAME, sys.stderr), NAME)
    host = urlsplit(settings.options(arguments.exchange).rest_url).hostname
    try:
        with closing(DurableConnection(settings.db, rest_host=host)) as store:
            run = Run(settings, store, arguments.exchange, arguments.days)
            wanted = run.wanted(arguments.symbols)
            run.fetch(wanted)
            print(run.summary(wanted))
    except errors.FundingError as error:
        print(f"{NAME}: {printable(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{NAME}: stopped; the next run goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
