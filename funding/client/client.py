"""The client: one mode, two sources."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from funding.client import names
from funding.client.mode import Decision, decide
from funding.client.session import Session, open_session
from funding.client.sources import Sources
from funding.client.values import Funding, fresh, from_rest, from_service
from funding.comparison.pair import Pair, compare, compare_all
from funding.errors import SettingError
from funding.exchanges.binance import stream as binance
from funding.model.quote import fold
from funding.runtime.clock import SYSTEM, Clock
from funding.settings.service import MODES, Settings, load

log = logging.getLogger("client")

RECHECK_SECONDS = 60.0
"""How long a decision on the mode holds: the report may be made, or grow old, meanwhile."""
FOR_REST = 0.6
"""Share of the timeout that a service that hangs leaves to REST: it is here, REST is far away."""
FOR_READING_AGAIN = 0.2
"""And REST to the second reading of mode parallel and to the store."""


class FundingClient:
    """Quotes of one exchange, in one of the modes of `modes`; for any number of threads at once.

    `mode` is FUNDING_MODE unless given; `caller`, by default the running script's name, is the
    name in the accounts of REST and the source of comparisons. No call waits longer than `timeout`
    seconds in all: for the service, for REST and for the store. `parts` makes what one thread
    works with.

    What the world fails to give is no exception but None, or left out, with a warning in the log
    once a minute. Raises `SettingError` for settings or a mode that cannot be, and ValueError for
    the caller "control", which marks planted comparisons.
    """

    def __init__(
        self,
        mode: str | None = None,
        *,
        caller: str | None = None,
        settings: Settings | None = None,
        parts: Callable[[], Session] | None = None,
        clock: Clock = SYSTEM,
        timeout: float = 1.0,
    ) -> None:
        settings = settings or load()[0]
        self._asked = settings.mode if mode is None else mode
        if self._asked not in MODES:
            raise SettingError("mode", self._asked, f"one of {', '.join(MODES)}")
        self._caller = caller or names.running()
        if self._caller == "control":
            raise ValueError('the caller "control" marks planted comparisons: take another name')
        self._forced = settings.force_mode
        self._clock = clock
        self._open = parts or open_session(settings, self._caller, timeout, clock)
        self._idle: list[Session] = []
        self._asking = Sources(clock)
        self._deciding = threading.Lock()
        self._decision = Decision(self._asked, "")
        self._decide_at = float("-inf")
        self._gone: frozenset[str] = frozenset()

    @property
    def decision(self) -> Decision:
        """The mode it runs in now, and why that is not simply the one asked for."""
        with self._borrowed() as parts:
            return self._decided(parts)

    def get(self, symbol: str) -> Funding | None:
        """The quote of `symbol`, whatever its ASCII case; None where the mode's sources have
        none that is fresh."""
        symbol = fold(symbol)
        if not names.possible(symbol):
            return None
        with self._borrowed() as parts:
            mode = self._decided(parts).mode
            if mode == "parallel":
                return self._both(parts, symbol)
            lends = mode != "websocket-only"
            found = None
            if mode != "rest":
                with parts.patience.keeping(FOR_REST * lends):
                    found = fresh(self._asking.heard(parts.service.one(symbol)))
            if found is None and lends:
                reply = self._asking.rest_one(parts, symbol).reply
                found = from_rest(reply, self._clock.wall()) if reply is not None else None
            return found

    def get_all(self) -> dict[str, Funding]:
        """Every quote by symbol, from one call to each source that is asked.

        In mode `websocket` REST is asked when the service gives nothing, or nothing fresh for a
        symbol that REST may still have; one that REST lacked the last time is left out.
        """
        with self._borrowed() as parts:
            mode = self._decided(parts).mode
            if mode == "parallel":
                return self._both_all(parts)
            lends = mode != "websocket-only"
            found: dict[str, Funding] = {}
            stale: frozenset[str] = frozenset()
            if mode != "rest":
                with parts.patience.keeping(FOR_REST * lends):
                    words = self._asking.heard(parts.service.all())
                found = {each.symbol: from_service(each) for each in words.fresh}
                stale = frozenset(each.symbol for each in words.stale)
            if lends and (not found or stale - self._gone):
                lent = self._rest_all(parts)
                self._gone = stale - lent.keys() if lent else self._gone
                found = lent | found
            return found

    def close(self) -> None:
        """Let go of connections and files; calls in other threads keep theirs. A later call
        opens them again."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _both(self, parts: Session, symbol: str) -> Funding | None:
        """Ask both, the service around REST, and compare."""
        with parts.patience.keeping(FOR_REST):
            before = self._asking.heard(parts.service.one(symbol))
        with parts.patience.keeping(FOR_READING_AGAIN):
            told = self._asking.rest_one(parts, symbol)
        after = self._asking.heard(parts.service.one(symbol))
        now = self._clock.wall()
        # A service that is away is no symbol that is missing: then there is nothing to compare.
        if told.answered and not (before.problem and after.problem):
            pair = Pair(told.reply, before.reading, after.reading)
            self._asking.store(parts, compare(pair, self._caller, binance.NAME, now))
        lent = from_rest(told.reply, now) if told.reply is not None else None
        return fresh(after) or fresh(before) or lent

    def _both_all(self, parts: Session) -> dict[str, Funding]:
        with parts.patience.keeping(FOR_REST):
            before = self._asking.heard(parts.service.all())
        with parts.patience.keeping(FOR_READING_AGAIN):
            replies = self._asking.rest_all(parts)
        after = self._asking.heard(parts.service.all())
        now = self._clock.wall()
        if replies is not None and not (before.problem and after.problem):
            rows = compare_all(
                *(before.readings, replies, after.readings),
                source=self._caller,
                exchange=binance.NAME,
                at=now,
            )
            self._asking.store(parts, rows)
        found = {reply.symbol: from_rest(reply, now) for reply in replies or ()}
        for words in (before, after):
            found |= {each.symbol: from_service(each) for each in words.fresh}
        return found

    def _rest_all(self, parts: Session) -> dict[str, Funding]:
        replies = self._asking.rest_all(parts) or ()
        now = self._clock.wall()
        return {reply.symbol: from_rest(reply, now) for reply in replies}

    def _decided(self, parts: Session) -> Decision:
        with self._deciding:
            now = self._clock.uptime()
            if now >= self._decide_at:
                self._decide_at = now + RECHECK_SECONDS
                self._decide(parts)
            return self._decision

    def _decide(self, parts: Session) -> None:
        needed = self._asked not in ("rest", "parallel") and not self._forced
        verdict, problem = self._asking.verdict(parts) if needed else (None, "")
        wall = self._clock.wall()
        decision = decide(
            self._asked, forced=self._forced, verdict=verdict, problem=problem, now=wall
        )
        if decision != self._decision:
            log.warning("%s", decision.why or f"running as {decision.mode}, as asked")
        self._decision = decision

    @contextmanager
    def _borrowed(self) -> Iterator[Session]:
        """Parts that this thread has alone; after an unforeseen exception they are not used on."""
        try:
            parts = self._idle.pop()
        except IndexError:
            parts = self._open()
        parts.patience.begin()
        try:
            yield parts
        except BaseException:
            parts.close()
            raise
        self._idle.append(parts)
