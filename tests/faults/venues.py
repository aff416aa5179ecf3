"""The other exchanges' rows: what befalls each feed, what must be noticed, and how soon its quotes
are fresh again.

Each feed has an ingest and a database of its own, so that its audit trail tells of it alone. A
fault is caused for all feeds at once, and each is judged by itself.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from funding.runtime.clock import SYSTEM
from harness.processes import ROOT, running, until
from harness.stand_in import StandIn
from tests.faults.catalogue import GOALS
from tests.support.clock import rows


@dataclass(frozen=True, slots=True)
class Feed:
    """One ingest: its exchange, a symbol that is watched, settings of its own."""

    name: str
    exchange: str
    symbol: str
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return self.name


PUSH = Feed("KuCoin push", "kucoin", "XBTUSDTM")
CLASSIC = Feed("KuCoin classic", "kucoin", "XBTUSDTM", {"FUNDING_KUCOIN_FEED": "classic"})
HYPERLIQUID = Feed("Hyperliquid", "hyperliquid", "BTC", {"FUNDING_HYPERLIQUID_DEXES": "xyz"})
BACKPACK = Feed("Backpack", "backpack", "BTC_USDC_PERP")
FEEDS = (PUSH, CLASSIC, HYPERLIQUID, BACKPACK)
LOST, CLOSED, STALL, SILENT = (
    "disconnect: lost",
    "disconnect: closed",
    "stall: stall",
    "stall: silent",
)
"""Kinds of events with their causes."""


OWN = {"token_seconds": "kucoin", "unknown_coins": "hyperliquid", "dex_gone": "hyperliquid"}
"""Faults that one stand-in alone has."""


@dataclass(frozen=True, slots=True)
class VenueFault:
    """`faults` of the stand-ins, in force until each of `noticed` (part of an event's kind and
    cause, or of its detail) was noticed by each of `feeds`, and for `seconds`. Meanwhile each of
    `flows` has fresh quotes. `goal` is in seconds until the quotes of `feeds` are fresh: from the
    end of the fault, or from its beginning where it happens `once`."""

    name: str
    faults: Mapping[str, object]
    goal: float
    noticed: tuple[str, ...] = ()
    feeds: tuple[Feed, ...] = FEEDS
    flows: tuple[Feed, ...] = ()
    seconds: float = 0.0
    once: bool = False

    def __str__(self) -> str:
        return self.name


def closing(code: int) -> Mapping[str, object]:
    """All connections are closed."""
    return {"close": {"code": code, "reason": ""}}


QUICK = [
    VenueFault("close 1001", closing(1001), 3, (CLOSED,), once=True),
    VenueFault("reset", {"abort": True}, 3, (LOST,), once=True),
    VenueFault("an error is told", {"error_frame": True}, 2, ("notice",), flows=FEEDS),
    VenueFault("garbage after each tick", {"garbage": True}, 2, flows=FEEDS, seconds=3),
    VenueFault(
        "tokens are refused",
        {"token_seconds": 0.001, **closing(1000)},
        4,
        (CLOSED,),
        feeds=(CLASSIC,),
        flows=(HYPERLIQUID, BACKPACK),
        seconds=3,
    ),
    VenueFault("a stall, then silence after subscribing", {"silence": True}, 15, (STALL, SILENT)),
]
SLOW = [
    VenueFault("half-open", {"half_open": True}, 15, (STALL,), once=True),
    VenueFault(
        "freeze: the same values and times",
        {"freeze": True},
        15,
        (STALL,),
        feeds=(PUSH, CLASSIC, BACKPACK),
        flows=(HYPERLIQUID,),
    ),
    VenueFault(
        "each connection is ended after 5 s",
        {"life_seconds": 5},
        3,
        (CLOSED,),
        flows=FEEDS,
        seconds=30,
    ),
    VenueFault(
        "REST answers 500, and all connections are closed",
        {"rest_status": 500, **closing(1000)},
        8,
        (CLOSED,),
        flows=(PUSH, HYPERLIQUID, BACKPACK),
        seconds=20,
    ),
    VenueFault(
        "a coin is unknown to the stream alone",
        {"unknown_coins": ["ETH"], **closing(1000)},
        2,
        ("ETH ends the connection",),
        feeds=(HYPERLIQUID,),
        seconds=20,
    ),
    VenueFault(
        "the builder market is gone",
        {"dex_gone": True, **closing(1000)},
        2,
        ("xyz is not followed",),
        feeds=(HYPERLIQUID,),
        flows=(HYPERLIQUID,),
    ),
    VenueFault(
        "refused for 60 s", {"refuse": True, "abort": True}, 20, ("connect-failed",), seconds=60
    ),
    VenueFault(
        "stream and REST dead for 60 s",
        {"drop_connections": True, "abort": True},
        20,
        ("connect-failed",),
        seconds=60,
    ),
]
"""After the last two KuCoin is followed by its classic stream."""


class Feeds:
    """The ingests, which write to databases in `folder`."""

    def __init__(self, folder: Path, exchange: StandIn) -> None:
        self._folder = folder
        self._exchange = exchange

    @contextmanager
    def running(self) -> Iterator["Feeds"]:
        """While the block runs; all have quotes at its start."""
        with ExitStack() as stack:
            for feed in FEEDS:
                settings = {
                    "FUNDING_DB": self.database(feed),
                    "FUNDING_STALL_AFTER": 1,
                    "FUNDING_BACKOFF_MAX": 1,
                    **self._exchange.venue_settings,
                    **feed.settings,
                }
                command: list[str | Path] = [
                    sys.executable,
                    ROOT / "ingest.py",
                    "--exchange",
                    feed.exchange,
                ]
                stack.enter_context(running(command, self.log(feed), settings=settings))
            until(lambda: all(map(self.received, FEEDS)), "quotes of all feeds")
            yield self

    def database(self, feed: Feed) -> Path:
        """Its file."""
        return self._folder / f"{feed.name.replace(' ', '-')}.db"

    def log(self, feed: Feed) -> Path:
        """What its ingest says."""
        return self._folder / f"{feed.name.replace(' ', '-')}.log"

    def received(self, feed: Feed) -> float:
        """Uptime of the newest quote of the feed's symbol; 0 without one."""
        with suppress(Exception):
            query = f"SELECT received_uptime FROM quote WHERE symbol = '{feed.symbol}'"
            return float(rows(self.database(feed), query)[0][0])
        return 0.0

    def counts(self, feed: Feed) -> Mapping[str, int]:
        """How often each kind of event happened, by its cause or its detail."""
        query = "SELECT kind || ': ' || coalesce(rule, detail), sum(count) FROM event GROUP BY 1"
        return dict(rows(self.database(feed), query))

    def prove(self, fault: VenueFault) -> Mapping[Feed, float]:
        """Run one row; seconds until each feed's quotes were fresh."""
        before = {feed: self.counts(feed) for feed in fault.feeds}

        def noticed(feed: Feed, words: str) -> bool:
            known = before[feed]
            found = self.counts(feed).items()
            return any(words in name and count > known.get(name, 0) for name, count in found)

        self._order(fault.faults)
        began = SYSTEM.uptime()
        try:
            seen = self._fresh_after(fault, began) if fault.once else {}
            for feed in fault.feeds:
                for words in fault.noticed:
                    probe = partial(noticed, feed, words)
                    self._while_others_flow(fault, probe, f"{feed}: {words}", began)
            over = began + fault.seconds
            self._while_others_flow(fault, lambda: SYSTEM.uptime() >= over, "its time", began)
        finally:
            self._order({})
        return seen or self._fresh_after(fault, SYSTEM.uptime())

    def _fresh_after(self, fault: VenueFault, since: float) -> Mapping[Feed, float]:
        seen: dict[Feed, float] = {}

        def all_are() -> bool:
            for feed in fault.feeds:
                after = self.received(feed) - since
                if after > 0:
                    seen.setdefault(feed, after)
            return len(seen) == len(fault.feeds)

        until(all_are, f"fresh quotes of {', '.join(map(str, fault.feeds))} after: {fault}")
        for feed, seconds in seen.items():
            assert seconds <= GOALS.limit(fault.goal), f"{feed}: {fault}: {seconds:.1f} s"
        return seen

    def _while_others_flow(
        self, fault: VenueFault, probe: Callable[[], bool], what: str, began: float
    ) -> None:
        def seen() -> bool:
            now = SYSTEM.uptime()
            for feed in fault.flows:
                age = now - max(began, self.received(feed))
                assert age < GOALS.limit(5.0), f"{feed} has no quote for {age:.1f} s: {fault}"
            return probe()

        until(seen, what, fault.seconds + 120.0)

    def _order(self, faults: Mapping[str, object]) -> None:
        for venue in ("kucoin", "hyperliquid", "backpack"):
            known = {name: each for name, each in faults.items() if OWN.get(name, venue) == venue}
            self._exchange.order(f"{venue}/faults", "DELETE")
            if known:
                self._exchange.order(f"{venue}/faults", "POST", known)
