"""What changes in the store, sent to every reader of the stream: one thread reads for all of them.

The thread begins with the first reader and ends with the last one. Each turn costs a look at
SQLite's data version; only after a commit are quotes read, once, however many readers there are.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue

import msgspec

from funding import errors
from funding.api import stream_events
from funding.api.history_routes import signal_row
from funding.api.quotes import row
from funding.api.served import Served
from funding.model.feed import StoredQuote
from funding.model.quote import fold
from funding.model.signal import MANY
from funding.runtime.clock import Clock
from funding.runtime.logs import Throttle
from funding.store import history_reader

log = logging.getLogger("stream")

MAX_READERS = 8
TURN_SECONDS = 0.25
HEARTBEAT_SECONDS = 2.0
LOG_SECONDS = 10.0
ROWS_AT_ONCE = 100
"""Rows of one event: waitress copies each event for each reader."""
Version = tuple[int, int]


class Subscription:
    """One reader, and what it wants: quotes of `symbols` (folded; None for all) of `exchanges`, and
    with `signals` those that come after the one with the id `last_signal`, or from now on.

    Iterating gives events until the stream ends; `close` leaves it.
    """

    def __init__(
        self,
        exchanges: Sequence[str],
        symbols: frozenset[str] | None = None,
        *,
        signals: bool = False,
        last_signal: int | None = None,
    ) -> None:
        self.exchanges = exchanges
        self.symbols = symbols
        self.signals = signals
        self.last_signal = last_signal
        self.begun: set[str] = set()
        self.leave: Callable[[], None] = lambda: None
        self._events: SimpleQueue[bytes | None] = SimpleQueue()
        self.send(stream_events.BEGIN)

    def wants(self, symbol: str) -> bool:
        """Whether it is about `symbol`."""
        return self.symbols is None or fold(symbol) in self.symbols

    def send(self, event: bytes | None) -> None:
        """Give it an event; None is its end."""
        self._events.put(event)

    def __iter__(self) -> Iterator[bytes]:
        while (event := self._events.get()) is not None:
            yield event

    def close(self) -> None:
        """Leave the stream. WSGI servers call this."""
        self.leave()


class Broadcaster:
    """Sends what changes in the `served` exchanges, which are for its thread alone."""

    def __init__(self, served: Served, clock: Clock) -> None:
        self._served = served
        self._clock = clock
        self._throttle = Throttle(LOG_SECONDS)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._readers: list[Subscription] = []
        self._running = self._closed = False
        self._versions: dict[str, Version] = {}
        self._sent: dict[tuple[str, str], object] = {}
        self._beat = 0.0

    def join(self, reader: Subscription) -> bool:
        """Begin to send to `reader`; whether there is a place for it."""
        with self._lock:
            if self._closed or len(self._readers) >= MAX_READERS:
                return False
            self._readers.append(reader)
            reader.leave = lambda: self._leave(reader)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="stream", daemon=True).start()
        self._wake.set()
        return True

    def close(self) -> None:
        """End every stream, and let nobody join."""
        self._closed = True
        self._end_all()
        self._wake.set()

    def _end_all(self) -> None:
        with self._lock:
            for reader in self._readers:
                reader.send(None)
            self._readers.clear()

    def _leave(self, reader: Subscription) -> None:
        with self._lock:
            if reader in self._readers:
                self._readers.remove(reader)
        self._wake.set()

    def _run(self) -> None:
        while readers := self._present():
            try:
                self._turn(readers)
            except errors.StoreError as error:
                if self._throttle(type(error).__name__, self._clock.uptime()):
                    log.warning("%s", error)
            except Exception:
                log.exception("the streams end")
                self._end_all()
            self._wake.wait(TURN_SECONDS)
            self._wake.clear()

    def _present(self) -> list[Subscription]:
        """The readers; where there is none the thread ends, and the next one begins afresh."""
        with self._lock:
            if self._closed or not self._readers:
                self._running = False
                self._versions.clear()
                self._sent.clear()
                return []
            return list(self._readers)

    def _turn(self, readers: Sequence[Subscription]) -> None:
        now = self._clock.uptime()
        if now - self._beat >= HEARTBEAT_SECONDS or now < self._beat:
            self._beat = now
            for reader in readers:
                reader.send(stream_events.heartbeat(self._clock.wall()))
        listening = [each for each in readers if each.signals]
        if listening:
            self._send_signals(listening)
        for name in self._served.names:
            wanting = [each for each in readers if name in each.exchanges]
            if wanting:
                self._send_quotes(name, wanting)

    def _send_quotes(self, name: str, readers: Sequence[Subscription]) -> None:
        served = self._served.of(name)
        reader, limits = served.reader, served.limits
        version = reader.version()
        new = [each for each in readers if name not in each.begun]
        if not new and version == self._versions.get(name):
            return
        quotes = reader.all()
        self._versions[name] = version
        changed = {quote.symbol for quote in quotes if self._is_news(quote)}
        rows = {
            quote.symbol: msgspec.json.encode(row(quote, limits.stale_after))
            for quote in quotes
            if new or quote.symbol in changed
        }
        news = {symbol: text for symbol, text in rows.items() if symbol in changed}
        to_all = {True: _events(rows.values()), False: _events(news.values())}
        for each in readers:
            begins = each in new
            if each.symbols is None:
                events = to_all[begins]
            else:
                mine = rows if begins else news
                events = _events(text for symbol, text in mine.items() if each.wants(symbol))
            if begins and not events:
                events = [stream_events.quotes([])]
            for event in events:
                each.send(event)
            each.begun.add(name)

    def _is_news(self, quote: StoredQuote) -> bool:
        """Whether it is not what was sent last. Its age alone is no news."""
        key = quote.exchange, quote.symbol
        state = quote.event_time, quote.updated_at, quote.status, quote.funding_interval_hours
        if self._sent.get(key) == state:
            return False
        self._sent[key] = state
        return True

    def _send_signals(self, readers: Sequence[Subscription]) -> None:
        reader = self._served.of(None).reader
        newest = history_reader.newest_signal(reader)
        for each in readers:
            # One beyond the newest is of another database.
            if each.last_signal is None or each.last_signal > newest:
                each.last_signal = newest
        oldest = min(each.last_signal or 0 for each in readers)
        if oldest == newest:
            return
        for number, signal in history_reader.signals_after(reader, oldest):
            event = stream_events.signal(number, signal_row(number, signal))
            for each in readers:
                if number > (each.last_signal or 0):
                    each.last_signal = number
                    known = signal.exchange in each.exchanges
                    if known and (signal.symbol == MANY or each.wants(signal.symbol)):
                        each.send(event)


def _events(rows: Iterable[bytes]) -> list[bytes]:
    found = list(rows)
    starts = range(0, len(found), ROWS_AT_ONCE)
    return [stream_events.quotes(found[start : start + ROWS_AT_ONCE]) for start in starts]
