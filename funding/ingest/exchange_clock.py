"""The exchange's clock as REST tells it: from the store, where the watchdog leaves it, to the
inbox, which measures by it how late the stream is."""

from funding.ingest.inbox import Inbox
from funding.runtime.schedule import Every
from funding.store.writer import Writer

LOOK_SECONDS = 5.0


class ExchangeClock:
    """Call `step` often; each answer of REST is used once: where the exchange's clock is set back,
    an old one is wrong. Raises `StoreError`."""

    def __init__(self, writer: Writer, inbox: Inbox, exchange: str) -> None:
        self._writer = writer
        self._inbox = inbox
        self._exchange = exchange
        self._look = Every(LOOK_SECONDS)
        self._used: float | None = None

    def step(self, now: float) -> None:
        """Look for a new answer, where that is due at uptime `now`."""
        if not self._look.due(now):
            return
        offset = self._writer.exchange_offset(self._exchange)
        if offset is None or offset == self._used:
            return
        if self._inbox.note_exchange_clock(offset, now):
            self._used = offset
