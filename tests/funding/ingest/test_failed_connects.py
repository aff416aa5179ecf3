"""10,000 connects that fail, on a clock that the test moves: each exchange's own policy, with as
many shares as it may have."""

import itertools
from collections import Counter

import pytest

from funding.exchanges.table import EXCHANGES
from funding.ingest import assembly
from funding.ingest.connection_events import Connect, ConnectionEvent, EndingKind
from funding.model.feed import Feed
from funding.settings import service
from tests.support.clock import ManualClock

ATTEMPTS = 10_000
PER_MINUTE = 30
"""What Hyperliquid allows an address; the other three tell no such number, or a larger one."""
GROWTH_SECONDS = 120.0
"""In which each delay has grown to its cap; then longer steps of the clock will do."""
CAP_SECONDS = {"binance": 5.0, "kucoin": 5.0, "hyperliquid": 20.0, "backpack": 5.0}


class Failing:
    """The policy of an exchange, made as ingest makes it, whose connects all fail at once."""

    def __init__(self, name: str, shares: int, connections: int = 1) -> None:
        clock = ManualClock(uptime=0.0).clock()
        feed = Feed(name, "x", 1, clock.boot, clock.wall(), clock.uptime())
        settings, _ = service.read({"FUNDING_CONNECTIONS": str(connections)})
        policies = assembly.policies(
            settings, EXCHANGES[name], feed, lambda: 0.0, lambda _low, high: high
        )
        policies.resize(shares, 0.0)
        self.attempts: list[float] = []
        self.by_share: dict[int, list[float]] = {share: [] for share in range(shares)}
        now = 0.0
        while len(self.attempts) < ATTEMPTS:
            now += 0.25 if now < GROWTH_SECONDS else 5.0
            for order in policies.step(now):
                assert isinstance(order, Connect)
                self.attempts.append(now)
                self.by_share[policies.take_share(order.connection)].append(now)
                policies.handle(ConnectionEvent(order.connection, EndingKind.REFUSED, now))

    def most_in_a_minute(self) -> int:
        most, first = 0, 0
        for number, at in enumerate(self.attempts):
            while at - self.attempts[first] >= 60.0:
                first += 1
            most = max(most, number - first + 1)
        return most


@pytest.mark.parametrize("name", CAP_SECONDS)
def test_delay_grows_to_its_cap_and_stays_there(name: str) -> None:
    failing = Failing(name, 1)
    early = [at for at in failing.attempts if at <= GROWTH_SECONDS]
    growth = [after - before for before, after in itertools.pairwise(early)]
    assert growth == sorted(growth)
    assert growth[0] <= 1.0
    late = failing.attempts[len(early) + 1 :]
    (pause,) = {after - before for before, after in itertools.pairwise(late)}
    assert growth[-1] <= pause <= CAP_SECONDS[name]
    assert growth[-1] > CAP_SECONDS[name] / 2
    assert failing.most_in_a_minute() <= PER_MINUTE


@pytest.mark.parametrize(
    ("name", "shares"), [("kucoin", 2), ("kucoin", 3), ("hyperliquid", 8), ("binance", 1)]
)
def test_all_shares_together_keep_to_what_an_address_may(name: str, shares: int) -> None:
    failing = Failing(name, shares, connections=2)
    assert 15 <= failing.most_in_a_minute() <= PER_MINUTE
    counts = Counter({share: len(times) for share, times in failing.by_share.items()})
    assert min(counts.values()) > 0.5 * ATTEMPTS / shares, "no share is left behind"
