"""Mode parallel: the service and REST are both asked, and what they say is compared and stored."""

import logging
import threading
from collections.abc import Sequence

from funding.client.recorder import Recorder
from funding.client.sources import Sources
from funding.client.values import Funding, fresh, from_rest, from_service
from funding.comparison.pair import Comparison, Pair, alarms, compare, compare_all
from funding.comparison.summary import RunningSummary
from funding.runtime.clock import Clock
from funding.runtime.logs import ThrottledWarnings

log = logging.getLogger("client")

REST_SHARE = 0.6
"""Share of the timeout that a service that hangs leaves to REST: it is here, REST is far away."""
REREAD_SHARE = 0.2
"""And that REST leaves to the second reading, and to the store."""


class Parallel:
    """Comparisons of `exchange` under the name of `caller`; for any number of threads at once.

    The service is read before and after REST. Where that has a fresh quote it is the answer, else
    REST's is.
    """

    def __init__(
        self,
        exchange: str,
        caller: str,
        *,
        recorder: Recorder,
        warn: ThrottledWarnings,
        clock: Clock,
        timeout: float,
    ) -> None:
        self._exchange = exchange
        self._caller = caller
        self._recorder = recorder
        self._warn = warn
        self._clock = clock
        self._for_rest, self._for_rereading = REST_SHARE * timeout, REREAD_SHARE * timeout
        self._lock = threading.Lock()
        self._summary = RunningSummary()

    def one(self, sources: Sources, symbol: str) -> Funding | None:
        """The quote of `symbol`."""
        before = sources.service_quote(symbol, self._for_rest)
        rest = sources.rest_quote(symbol, self._for_rereading)
        after = sources.service_quote(symbol)
        now = self._clock.wall()
        # Without the service nothing is missing: there is nothing to compare.
        if rest.answered and not (before.problem and after.problem):
            pair = Pair(rest.reply, before.quote, after.quote)
            self._store(compare(pair, self._caller, self._exchange, now))
        at_rest = from_rest(rest.reply, now) if rest.reply is not None else None
        return fresh(after) or fresh(before) or at_rest

    def all(self, sources: Sources) -> dict[str, Funding]:
        """Every quote by symbol."""
        before = sources.service_quotes(self._for_rest)
        replies = sources.rest_quotes(self._for_rereading)
        after = sources.service_quotes()
        now = self._clock.wall()
        if replies is not None and not (before.problem and after.problem):
            three = before.quotes, replies, after.quotes
            self._store(compare_all(*three, source=self._caller, exchange=self._exchange, at=now))
        found = {reply.symbol: from_rest(reply, now) for reply in replies or ()}
        for answer in (before, after):
            found |= {quote.symbol: from_service(quote) for quote in answer.fresh}
        return found

    def _store(self, rows: Sequence[Comparison]) -> None:
        """Store comparisons, and log what is significant and where the sums stand."""
        events = alarms(rows)
        self._recorder.add([*rows, *events])
        for event in events:
            self._warn(f"significant: {event.rule}", f"significant: {event.detail}")
        with self._lock:
            line = self._summary.add(rows)
        if line is not None:
            log.info("%s", line)
