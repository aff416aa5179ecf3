"""The API over a database that is written by hand."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import apsw

from funding.api.broadcaster import Broadcaster
from funding.api.host_check import local_only
from funding.api.metrics_routes import Process
from funding.api.pages import Pages
from funding.api.routes import Api, Shared
from funding.api.served import Served, ServedExchange
from funding.api.two_apis import new_meters
from funding.health.verdict import Limits
from funding.model.asset import Aliases
from funding.model.feed import Feed
from funding.model.quote import Quote
from funding.runtime.clock import Clock
from funding.store.reader import Reader
from funding.store.writer import Writer
from harness.http_client import Answer
from tests.conftest import ROOT
from tests.support.wsgi import ask

ROW = [
    "symbol",
    "markPrice",
    "fundingRate",
    "nextFundingTime",
    "indexPrice",
    "updatedAt",
    "ageSeconds",
    "lastUpdateTime",
    "eventTime",
    "exchange",
    "status",
    "fundingIntervalHours",
    "intervalSource",
    "annualizedRate",
    "zScore",
    "zReason",
    "percentile",
    "zone",
    "source",
]
HEALTH = [
    "status",
    "websocketConnected",
    "symbolCount",
    "staleSymbols",
    "uptimeSeconds",
    "lastConnectedTime",
    "messagesReceived",
    "reconnectAttempts",
    "oldestDataAgeSeconds",
    "newestDataAgeSeconds",
    "reasons",
]
EVENT_TIME = 1_764_725_610_000
BTC = Quote("BTCUSDT", 91897.67414493, 91930.87652174, 0.00001864, 1_764_748_800_000, EVENT_TIME)
ETH = Quote("ETHUSDT", 2999.5, 3000.25, -0.0001, 1_764_748_800_000, EVENT_TIME)
CHINESE = Quote("币安人生USDT", 0.4762, 0.4761, 0.00005, 1_764_748_800_000, EVENT_TIME)
DATED = Quote("BTCUSDT_261225", 92_000.0, 91_000.0, None, None, EVENT_TIME)
LIMITS = Limits(stale_after=180.0, min_symbols=3)


@dataclass
class World:
    """A database that is written by hand and a clock that is turned by hand."""

    path: Path
    wall: float = 1_764_725_610.163
    uptime: float = 5_000.0
    boot: str = "this boot"
    pages: Path | None = None
    aliases: Aliases = field(default_factory=Aliases)
    feed: Feed = field(init=False)
    writer: Writer = field(init=False)

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: self.wall, uptime=lambda: self.uptime, boot=self.boot)

    def begin(self, address: str = "test.invalid") -> None:
        """Ingest starts: the database is there from now on."""
        self.feed = Feed("binance", address, 1, self.boot, self.wall, self.uptime)
        self.feed.good_since = self.wall - 60
        self.writer = Writer(self.path, self.feed)

    def connect(self) -> None:
        self.feed.connected, self.feed.connections = 1, 1
        self.feed.last_connected_at = self.wall
        self.beat()

    def beat(self) -> None:
        """Ingest's heartbeat of a second without a frame."""
        self.feed.heartbeat_at, self.feed.heartbeat_uptime = self.wall, self.uptime
        self.writer.write(self.feed)

    def frame(self, *quotes: Quote) -> None:
        self.feed.frames += 1
        self.feed.heartbeat_at, self.feed.heartbeat_uptime = self.wall, self.uptime
        self.writer.write(self.feed, [(quote, self.wall, self.uptime) for quote in quotes])

    def later(self, seconds: float) -> None:
        self.wall += seconds
        self.uptime += seconds

    def app(self, limits: Limits = LIMITS) -> WSGIApplication:
        """The service, in one thread."""
        return local_only(self.api(limits), "127.0.0.1", 8888)

    def api(self, limits: Limits = LIMITS) -> Api:
        """Its routes."""
        return Api(self.served(limits), self.clock, self.shared(limits))

    def shared(self, limits: Limits = LIMITS) -> Shared:
        """What the APIs of one process have in common."""
        broadcaster = Broadcaster(self.served(limits), self.clock)
        return Shared(broadcaster, Process("api_00", new_meters()), Pages(self.pages), self.aliases)

    def served(self, limits: Limits = LIMITS) -> Served:
        """Two exchanges, with readers for one thread."""
        both = {
            "binance": ServedExchange(Reader(self.path, "binance", self.clock), limits),
            "kucoin": ServedExchange(Reader(self.path, "kucoin", self.clock), Limits(180.0, 1)),
        }
        return Served(both)

    def execute(self, *statements: str) -> None:
        """What another program writes."""
        with closing(apsw.Connection(str(self.path))) as somebody:
            for statement in statements:
                somebody.execute(statement)

    def copy_to_kucoin(self, *symbols: str) -> None:
        """The same feed and quotes on a second exchange."""
        for table, where in (("feed", "1"), ("quote", f"symbol IN {symbols or ('BTCUSDT', '')}")):
            self.execute(
                f"CREATE TEMP TABLE t AS SELECT * FROM {table} WHERE {where};"
                " UPDATE t SET exchange = 'kucoin';"
                f" INSERT INTO {table} SELECT * FROM t; DROP TABLE t"
            )


def again(quote: Quote, seconds: int, **changes: Any) -> Quote:
    """`quote` as it comes `seconds` later."""
    fields = {name: getattr(quote, name) for name in quote.__struct_fields__}
    return Quote(**fields | {"event_time": quote.event_time + seconds * 1000} | changes)


SECRETS = ("traceback", "python", "waitress", "apsw", "sqlite", "runtimeerror")


def refused(answer: Answer, status: int, error: str) -> Any:
    """The body of a refusal, which must be JSON with this `error` and tell nothing else."""
    assert answer.status == status
    assert answer.json["error"] == error
    plain(answer)
    told = (answer.body.decode() + repr(answer.headers)).lower()
    assert not [word for word in (*SECRETS, str(ROOT).lower(), "funding.db") if word in told]
    return answer.json


def plain(answer: Answer) -> None:
    """What holds for every answer with a body."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert "server" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control")]


def unhealthy(world: World, *words: str, limits: Limits = LIMITS) -> dict[str, Any]:
    """The body of a 503 of /funding/health whose reasons hold these words, one each."""
    answer = ask(world.app(limits), "/funding/health")
    plain(answer)
    assert (answer.status, answer.json["status"]) == (503, "unhealthy")
    assert list(answer.json)[: len(HEALTH)] == HEALTH
    reasons = answer.json["reasons"]
    assert len(reasons) == len(words), reasons
    for word, reason in zip(words, reasons, strict=True):
        assert word in reason
    found: dict[str, Any] = answer.json
    return found
