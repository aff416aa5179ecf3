"""What the watchdog looks at: store, supervisord, probes, REST and this machine, as facts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from funding import errors
from funding.exchanges.table import EXCHANGES
from funding.health import verdict
from funding.health.facts import HISTORY, PUBLISH, Facts, LastComparison, LockHolder, Probe, Process
from funding.model.feed import Feed, StoredQuote
from funding.runtime import process
from funding.runtime.clock import Clock
from funding.settings.service import Settings
from funding.store.reader import Reader
from funding.store.stated_waits import StatedWaits
from funding.store.undelivered import undelivered, unpublished
from funding.store.verdicts import last_verdicts
from funding.watchdog import probe
from funding.watchdog.feed_reader import FeedReader, last_frame_age
from funding.watchdog.supervisor import SupervisorClient

STREAM_CLOCK_SECONDS = 60.0
"""The stream's event times tell less of the clock than this."""
STARTING_SECONDS = 8.0
"""An API process has its socket after one or two."""
_SIGNS = {"history": HISTORY, "publish": PUBLISH}
"""Programs that say in the table `consumer` that they live."""
_SAID = "SELECT name, done_at FROM consumer WHERE name IN ('history', 'publish')"


class FactsCollector:
    """Collects the facts of a moment. For one thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        reader: Reader,
        supervisor: SupervisorClient,
        clock: Clock,
        last_comparison: Callable[[], LastComparison | None],
        exchange_offset: Callable[[], float | None] = lambda: None,
        others: Sequence[FeedReader] = (),
    ) -> None:
        self._others = others
        self._settings = settings
        self._reader = reader
        self._supervisor = supervisor
        self._clock = clock
        self._last_comparison = last_comparison
        self._exchange_offset = exchange_offset
        exchange = EXCHANGES[settings.first]
        self._exchange = exchange.name
        few = settings.min_symbols_of(exchange)
        self._limits = verdict.Limits(settings.stale_after, few)
        self._address = settings.options(exchange.name).ws_url
        self._sockets = settings.supervisor.parent
        self._waits = StatedWaits(settings.db, clock)
        self._offset = clock.wall() - clock.uptime()
        self._known: list[Process] | None = None  # supervisord's last answer
        self._symbol = ""  # of a fresh quote
        self._holder: tuple[int, float] | None = None  # of the write lock, and since when
        self._said: dict[str, tuple[float, float]] = {}  # by name: what, and since when

    def collect(self) -> Facts:
        """The facts of this moment. Whatever may be broken is a fact, not an exception."""
        settings = self._settings
        processes, problem = self._processes()
        if not self._symbol:
            self._read_store(Facts(self._limits, exchange=self._exchange))
        process_probes = self._probe(processes or ())
        port_probe = probe.port(settings.api_host, settings.api_port, self._symbol)
        # After the probes, each of which may take seconds, so that decisions use fresh facts. The
        # store is read first: a process that starts between the two is young, and not silent.
        facts = self._read_store(Facts(self._limits, exchange=self._exchange))
        if not problem:
            processes, problem = self._processes()
        wall, uptime = self._clock.wall(), self._clock.uptime()
        step, self._offset = wall - uptime - self._offset, wall - uptime
        last, exchange = self._last_comparison(), self._exchange_offset()
        return replace(
            facts,
            others=[each.read() for each in self._others],
            processes=processes,
            supervisor_problem=problem,
            port_probe=port_probe,
            process_probes=process_probes,
            last_comparison=last,
            comparison_age=uptime - last.uptime if last is not None else 0.0,
            wal_bytes=process.file_bytes(Path(f"{settings.db}-wal")),
            disk_free_bytes=process.disk_free_bytes(settings.db.parent),
            clock_step=step,
            clock_error=_clock_error(facts, self._offset, exchange, self._clock.boot),
            at=wall,
            **self._told(wall),
        )

    def _told(self, wall: float) -> dict[str, Any]:
        """The verdicts, and what waits to be sent."""
        try:
            rows = self._reader.rows
            return {
                "verdicts": last_verdicts(rows),
                "undelivered": undelivered(rows, wall),
                "unpublished": unpublished(rows, wall),
            }
        except errors.StoreError:
            return {}

    def _read_store(self, facts: Facts) -> Facts:
        """`facts` with those of the feed row and the quotes."""
        feed: Feed | None = None
        quotes: list[StoredQuote] = []
        problem, listed_at = "", None
        # Before reading: if this process were held up in between, everything would look older.
        uptime = self._clock.uptime()
        try:
            # A new connection each time: one with its pages in memory does not see what has
            # happened to the file.
            self._reader.close()
            feed, quotes = self._reader.feed(), self._reader.all()
            listed_at = self._reader.contracts_checked_at()
        except errors.StoreMissing:
            pass
        except errors.StoreError as error:
            problem = str(error)
        return replace(
            facts,
            store_problem=problem,
            contracts_age=None if listed_at is None else self._clock.wall() - listed_at,
            silences={} if problem else self._silences(uptime),
            **self._of_feed(feed, uptime),
            **self._of_quotes([quote for quote in quotes if verdict.trades(quote)]),
        )

    def _of_feed(self, feed: Feed | None, uptime: float) -> dict[str, Any]:
        """The facts of the row `feed`, read at `uptime`: whether ingest lives, and what keeps it
        from writing."""
        if feed is None:
            return {"lock_holder": self._held_since(None, uptime)}
        heartbeat = verdict.heartbeat_age(feed, uptime, self._clock.boot)
        late = heartbeat > verdict.LATE_SECONDS
        holder = self._reader.blocking(feed.pid) if late else None
        return {
            "feed": feed,
            "heartbeat_age": heartbeat,
            "last_frame_age": last_frame_age(feed, uptime, self._clock.boot),
            "locked_by": self._reader.locked_by(feed.pid) if late else "",
            "lock_holder": self._held_since(holder, uptime),
            "stated_wait": 0.0 if feed.connected else self._waits.left(self._address),
        }

    def _of_quotes(self, trading: Sequence[StoredQuote]) -> dict[str, Any]:
        """The facts of the quotes of contracts that trade; the symbol of a fresh one is what the
        API is asked for."""
        fresh = min(trading, key=lambda quote: quote.age_seconds, default=None)
        known = fresh is not None and fresh.age_seconds < self._settings.stale_after / 2
        self._symbol = fresh.symbol if fresh is not None and known else ""
        return {
            "quote_ages": {quote.symbol: quote.age_seconds for quote in trading},
            "filled_in": {
                quote.symbol
                for quote in trading
                if verdict.is_filled_in(quote, self._limits.stale_after)
            },
            "without_rate": [
                quote.symbol
                for quote in trading
                if quote.next_funding_time is not None and quote.funding_rate is None
            ],
        }

    def _held_since(self, pid: int | None, uptime: float) -> LockHolder | None:
        if pid is None:
            self._holder = None
            return None
        if self._holder is None or self._holder[0] != pid:
            self._holder = pid, uptime
        return LockHolder(pid, uptime - self._holder[1])

    def _silences(self, uptime: float) -> dict[str, float]:
        """For how long the signs of life of programs have been the same: by their times alone, a
        clock that is set would age them."""
        try:
            rows = self._reader.rows(_SAID, ())
        except errors.StoreError:
            return {}
        for name, at in rows:
            if self._said.get(name, (None, 0.0))[0] != at:
                self._said[name] = at, uptime
        return {_SIGNS[name]: uptime - self._said[name][1] for name, _ in rows}

    def _processes(self) -> tuple[list[Process] | None, str]:
        """All programs; the reason where supervisord does not answer, and then those of its last
        answer that still run, None where there was no answer."""
        uptime = self._clock.uptime()
        try:
            listed = self._supervisor.processes()
        except errors.SupervisorError as error:
            if self._known is None:
                return None, str(error)
            now = [(each, _measured(each, uptime)) for each in self._known if each.pid]
            return [new for old, new in now if new.began and new.began == old.began], str(error)
        self._known = [_measured(each, uptime) for each in listed]
        return list(self._known), ""

    def _probe(self, processes: Sequence[Process]) -> dict[str, Probe]:
        """Whether each process of the API answers: an answer at the shared port may come from any
        of them."""
        host, port, probes = self._settings.api_host, self._settings.api_port, {}
        for each in processes:
            path = self._sockets / f"{each.name.partition(':')[2]}.sock"
            # One that hangs before it has a socket answers as little as one that hangs later.
            started = path.exists() or each.age_seconds > STARTING_SECONDS
            if each.is_api and each.is_running and started:
                probes[each.name] = probe.unix(path, host, port, self._symbol)
        return probes


def _measured(each: Process, uptime: float) -> Process:
    """`each` with what this machine knows of its process."""
    began = process.start_time(each.pid) if each.pid else None
    return each._replace(
        age_seconds=0.0 if began is None else max(0.0, uptime - began),
        memory_bytes=process.memory_bytes(each.pid) if each.pid else 0,
        began=began,
    )


def _clock_error(facts: Facts, offset: float, exchange: float | None, boot: str) -> float | None:
    """By how much our wall clock is ahead of the exchange's; where REST has not told its time, as
    far as the stream tells it, which may be late itself."""
    if exchange is not None:
        return offset - exchange
    feed = facts.feed
    if feed is None or feed.boot_id != boot or feed.least_delay is None:
        return None
    error = offset + feed.least_delay
    return error if abs(error) > STREAM_CLOCK_SECONDS else None
