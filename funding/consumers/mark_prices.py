"""The marks of all symbols for a consumer: one bulk read, in the mode that `FundingClient` has.

# Facts
- In mode parallel each bulk read compares every symbol: some 1,900 rows of the store. A poller
  that did so every 20 seconds would write 8 million a day; one in four minutes proves as much.
- The scans of the volume alert read five minutes apart, give or take what their candles take.
"""

from collections.abc import Mapping

from funding.client import Funding, FundingClient
from funding.client.service import Service
from funding.model.alert import Mark
from funding.model.feed import StoredQuote
from funding.model.mode import Mode
from funding.runtime.clock import Clock
from funding.settings.service import Settings

COMPARE_SECONDS = 240.0
TIMEOUT_SECONDS = 2.0


class MarkPrices:
    """Reads in the mode of the settings, and compares at most every `COMPARE_SECONDS`: between
    two comparisons mode parallel takes the service's word. For one thread."""

    def __init__(self, settings: Settings, caller: str, clock: Clock) -> None:
        self._client = FundingClient(
            caller=caller, settings=settings, clock=clock, timeout=TIMEOUT_SECONDS
        )
        self._service = Service(
            settings.api_host, settings.api_port, timeout=TIMEOUT_SECONDS, uptime=clock.uptime
        )
        self._clock = clock
        self._compared_at = float("-inf")

    def read(self) -> Mapping[str, Mark]:
        """What can be used now, by symbol; what is stale or missing is not among it."""
        now = self._clock.uptime()
        if self._client.decision.mode is Mode.PARALLEL:
            if now - self._compared_at < COMPARE_SECONDS:
                fresh = self._service.quotes().fresh
                if fresh:
                    return {each.symbol: _mark(each) for each in fresh}
            else:
                self._compared_at = now
        found = self._client.get_all()
        return {name: _mark(each) for name, each in found.items()}

    def close(self) -> None:
        """Let go of connections and files."""
        self._service.close()
        self._client.close()


def _mark(found: Funding | StoredQuote) -> Mark:
    # No price is 0, though REST may say so: a notional of 0 would be a lie.
    return Mark(found.mark_price if found.mark_price > 0 else None, found.funding_rate)
