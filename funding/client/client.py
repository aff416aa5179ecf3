"""The client: one mode, two sources."""

import logging
import re
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from funding.client.mode import Decision, decide, needs_go
from funding.client.parallel import REST_SHARE, Parallel
from funding.client.recorder import Recorder
from funding.client.sources import Sources, rest_host
from funding.client.usage import SharedUsage
from funding.client.values import Funding, fresh, from_rest, from_service
from funding.comparison.pair import PLANTED_SOURCE
from funding.errors import SettingError, StoreError
from funding.exchanges.table import EXCHANGES
from funding.model.ban import Ban
from funding.model.mode import Mode
from funding.model.quote import LONGEST_SYMBOL, fold
from funding.runtime import forks
from funding.runtime.clock import SYSTEM, Clock
from funding.runtime.deadline import Deadline
from funding.runtime.forks import ForkAware
from funding.runtime.logs import ThrottledWarnings
from funding.runtime.schedule import Every
from funding.settings import assets, environment
from funding.settings.service import Settings, load
from funding.store.comparisons import Comparisons

if TYPE_CHECKING:
    from funding.client.live_service import LiveService
    from funding.nats.addresses import Address

log = logging.getLogger("client")

RECHECK_SECONDS = 60.0
"""How long a decision on the mode holds: the report may be made, or grow old, meanwhile."""
COMPLAINT_SECONDS = 60.0
_SURROGATE = re.compile("[\ud800-\udfff]")


class FundingClient(ForkAware):
    """Quotes of one `exchange`, in one of the modes of `mode`; for any number of threads at once.

    With `url`, nats://host:4222 or several with commas, the quotes are those that takers publish
    there, kept in a table of this process, and not those of the service on this machine; see
    docs/machines.md. The mode is then websocket-only, without a GO, unless one is given.

    `mode` is FUNDING_MODE unless given; `caller`, by default the running script's name, is the
    name under which REST calls are counted, and the source of comparisons. No call waits longer
    than `timeout` seconds in all: for the service, for REST and for the store. `close`, or the end
    of a `with` block, stores what waits to be stored. A forked process begins with connections of
    its own; what waits to be stored is the parent's.

    Where the world gives no value, the answer is None or lacks it, with a warning in the log once
    a minute. Raises `SettingError` for wrong settings, an unknown mode or exchange, ValueError for
    the caller that marks planted comparisons, and ImportError for `url` without nats-py.
    """

    def __init__(
        self,
        mode: str | None = None,
        *,
        url: str | None = None,
        exchange: str | None = None,
        caller: str | None = None,
        settings: Settings | None = None,
        clock: Clock = SYSTEM,
        timeout: float = 1.0,
    ) -> None:
        if settings is None:
            settings = load()[0]
            if environment.beside_a_demo():
                log.warning("%s", environment.DEMO)
        self._addresses = None if url is None else _addresses(url)
        # What takers publish is for them to judge, and their report is not here.
        self._trusted = url is not None
        usual = settings.mode if url is None else Mode.WEBSOCKET_ONLY
        wanted = usual if mode is None else mode
        if wanted not in list(Mode):
            raise SettingError("mode", wanted, f"one of {', '.join(Mode)}")
        exchange = settings.first if exchange is None else exchange
        if exchange not in EXCHANGES:
            raise SettingError("exchange", exchange, f"one of {', '.join(EXCHANGES)}")
        self._exchange = EXCHANGES[exchange]
        self._caller = caller or _script_name()
        if self._caller == PLANTED_SOURCE:
            raise ValueError(
                f'the caller "{PLANTED_SOURCE}" marks planted comparisons: take another'
            )
        self._wanted = Mode(wanted)
        self._forced = settings.force_mode
        self._clock = clock
        self._timeout = timeout
        self._for_rest = REST_SHARE * timeout
        self._settings = settings
        self._begin({})
        forks.watch(self)

    def _begin(self, bans: Mapping[str, Ban]) -> None:
        warn = self._warn = ThrottledWarnings(log, COMPLAINT_SECONDS, self._clock.uptime)
        host = rest_host(self._settings, self._exchange)
        self._recorder = Recorder(self._settings.db, warn, host)
        self._usage = SharedUsage(self._recorder, bans)
        asked = self._settings, self._exchange, self._caller
        self._live = self._new_live(host)
        self._open = partial(Sources, *asked, self._clock, self._usage, warn, self._live)
        self._idle: list[Sources] = []
        self._lock = threading.Lock()
        self._parallel = Parallel(
            *(self._exchange.name, self._caller),
            recorder=self._recorder,
            warn=warn,
            clock=self._clock,
            timeout=self._timeout,
        )
        self._decision = Decision(self._wanted, "")
        self._recheck = Every(RECHECK_SECONDS)
        self._missing_at_rest: frozenset[str] = frozenset()
        # At the end of the program, too.
        self._at_end = weakref.finalize(self, _end, self._recorder, self._live, self._timeout)

    def _new_live(self, rest_host: str) -> "LiveService | None":
        if self._addresses is None:
            return None
        try:  # here: the others do without NATS
            from funding.client.live_service import LiveService
        except ModuleNotFoundError as error:
            raise ImportError("url= needs nats-py: pip install nats-py") from error

        return LiveService(
            self._addresses,
            self._exchange.name,
            clock=self._clock,
            warn=self._warn,
            stale_after=self._settings.stale_after,
            rest_host=rest_host,
            aliases=assets.load(),
        )

    def after_fork_in_child(self) -> None:
        """Begin again in the child: locks may be held, and sockets are read, by the parent."""
        self._at_end.detach()
        self._begin(self._usage.bans)

    def __enter__(self) -> "FundingClient":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def decision(self) -> Decision:
        """The mode it runs in now, and why that is not simply the one asked for."""
        return self._decide(Deadline(self._timeout))

    @overload
    def get(self, symbol: str) -> Funding | None: ...
    @overload
    def get(self, symbol: str, *, exchange: Literal["*"]) -> list[Funding]: ...
    def get(
        self, symbol: str, *, exchange: Literal["*"] | None = None
    ) -> Funding | list[Funding] | None:
        """The quote of `symbol`, whatever its ASCII case; None where the mode's sources have
        none that is fresh.

        With `exchange="*"` it is a base asset, such as BTC: the fresh quotes of all contracts on
        it, of every exchange that the service follows, in any mode. Of another exchange alone, ask
        a client made with that `exchange`: here it is a ValueError.
        """
        if exchange is not None:
            if exchange != "*":
                raise ValueError(f"exchange={exchange!r}: only '*'; one is given to the client")
            return self._on_asset(symbol)
        symbol = fold(symbol)
        if not 0 < len(symbol) <= LONGEST_SYMBOL or _SURROGATE.search(symbol):
            return None
        deadline = Deadline(self._timeout)
        mode = self._decide(deadline).mode
        with self._borrowed(deadline) as sources:
            if mode is Mode.PARALLEL:
                return self._parallel.one(sources, symbol)
            may_use_rest = mode is not Mode.WEBSOCKET_ONLY
            found = None
            if mode is not Mode.REST:
                found = fresh(sources.service_quote(symbol, self._for_rest * may_use_rest))
            if found is None and may_use_rest:
                reply = sources.rest_quote(symbol).reply
                found = from_rest(reply, self._clock.wall()) if reply is not None else None
            return found

    def get_all(self) -> dict[str, Funding]:
        """Every quote by symbol, from one call to each source that is asked.

        In mode `websocket` REST is asked when the service gives nothing, or nothing fresh for a
        symbol that REST may still have; one that REST lacked the last time is left out.
        """
        deadline = Deadline(self._timeout)
        mode = self._decide(deadline).mode
        with self._borrowed(deadline) as sources:
            if mode is Mode.PARALLEL:
                return self._parallel.all(sources)
            may_use_rest = mode is not Mode.WEBSOCKET_ONLY
            found: dict[str, Funding] = {}
            stale: frozenset[str] = frozenset()
            if mode is not Mode.REST:
                answer = sources.service_quotes(self._for_rest * may_use_rest)
                found = {quote.symbol: from_service(quote) for quote in answer.fresh}
                stale = frozenset(quote.symbol for quote in answer.stale)
            if may_use_rest and (not found or stale - self._missing_at_rest):
                replies, now = sources.rest_quotes() or (), self._clock.wall()
                at_rest = {reply.symbol: from_rest(reply, now) for reply in replies}
                if at_rest:
                    self._missing_at_rest = stale - at_rest.keys()
                found = at_rest | found
            return found

    def _on_asset(self, asset: str) -> list[Funding]:
        if not 0 < len(asset) <= LONGEST_SYMBOL or not asset.isprintable():
            return []
        with self._borrowed(Deadline(self._timeout)) as sources:
            return [from_service(quote) for quote in sources.service_quotes_on(asset).fresh]

    def close(self) -> None:
        """Store what waits, and let go of connections and files; calls in other threads keep
        theirs. A later call opens them again."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()
        _end(self._recorder, self._live, self._timeout)

    def _decide(self, deadline: Deadline) -> Decision:
        with self._lock:
            if self._recheck.due(self._clock.uptime()):
                self._decision = self._decided(deadline)
            return self._decision

    def _decided(self, deadline: Deadline) -> Decision:
        verdict, problem = None, ""
        if self._trusted:
            return Decision(self._wanted, "")
        if needs_go(self._wanted) and not self._forced:
            try:
                seconds = (deadline.left() or 0.0) / 2
                verdict = self._recorder.ask(
                    lambda store: Comparisons(store).last_validation(), seconds
                )
            except StoreError as error:
                problem = f"it cannot be read ({error})"
        decision = decide(
            self._wanted,
            forced=self._forced,
            verdict=verdict,
            problem=problem,
            now=self._clock.wall(),
        )
        if decision != self._decision:
            log.warning("%s", decision.why or f"running as {decision.mode}, as asked")
        return decision

    @contextmanager
    def _borrowed(self, deadline: Deadline) -> Iterator[Sources]:
        """Sources that this thread has alone; after an unforeseen exception they are not used
        again."""
        try:
            sources = self._idle.pop()
        except IndexError:
            sources = self._open()
        sources.deadline = deadline
        try:
            yield sources
        except BaseException:
            sources.close()
            raise
        self._idle.append(sources)


def _end(recorder: Recorder, live: "LiveService | None", seconds: float) -> None:
    if live is not None:
        live.close()
    recorder.close(seconds)


def _addresses(url: str) -> "list[Address]":
    from funding.nats import addresses  # here: the others do without NATS

    try:
        return addresses.parse(url)
    except ValueError:
        hidden = "(hidden: it may carry credentials)"
        raise SettingError("url", hidden, "nats:// or tls:// addresses, with commas") from None


def _script_name() -> str:
    name = Path(sys.argv[0]).stem
    return name if name and not name.startswith("-") else "client"
