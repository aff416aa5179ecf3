"""Mark prices and funding rates of all symbols for a consumer: one bulk read, in its mode.

# Facts
- In mode parallel each bulk read compares every symbol: some 1,900 rows of the store. A poller
  that did so every 20 seconds would write 8 million a day; one in four minutes proves as much.
- The scans of the volume alert read five minutes apart, give or take the time of their candles.
"""

from collections.abc import Mapping

from funding.client import Funding, FundingClient
from funding.client.service import Service
from funding.model.alert import MarkAndRate
from funding.model.feed import StoredQuote
from funding.model.mode import Mode
from funding.runtime.clock import Clock
from funding.runtime.schedule import Every
from funding.settings.service import Settings

COMPARE_SECONDS = 240.0
TIMEOUT_SECONDS = 2.0


class MarkPrices:
    """Reads in the mode of the settings, and compares at most every `COMPARE_SECONDS`: between
    two comparisons mode parallel uses the service's values. For one thread."""

    def __init__(self, settings: Settings, caller: str, clock: Clock) -> None:
        self._client = FundingClient(
            caller=caller, settings=settings, clock=clock, timeout=TIMEOUT_SECONDS
        )
        self._service = Service(
            settings.api_host,
            settings.api_port,
            timeout=TIMEOUT_SECONDS,
            uptime=clock.uptime,
            rest_host=settings.rest_host,
        )
        self._clock = clock
        self._compare = Every(COMPARE_SECONDS)

    def read(self) -> Mapping[str, MarkAndRate]:
        """The fresh values by symbol; a symbol that is stale or missing is left out."""
        parallel = self._client.decision.mode is Mode.PARALLEL
        if parallel and not self._compare.due(self._clock.uptime()):
            fresh = self._service.quotes().fresh
            if fresh:
                return {quote.symbol: _mark_and_rate(quote) for quote in fresh}
        found = self._client.get_all()
        return {symbol: _mark_and_rate(funding) for symbol, funding in found.items()}

    def close(self) -> None:
        """Let go of connections and files."""
        self._service.close()
        self._client.close()


def _mark_and_rate(found: Funding | StoredQuote) -> MarkAndRate:
    # A price is never 0, though REST may say so: a notional of 0 would be wrong.
    return MarkAndRate(found.mark_price if found.mark_price > 0 else None, found.funding_rate)
