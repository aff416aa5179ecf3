"""What an exchange is to the rest of the service. Pure: no I/O, no clock, no threads.

A new exchange is a package beside this module, with an `Exchange` made of it, and a line in
`table.EXCHANGES`. The package says what to send and what an answer means; who sends it, when, and
what is done about failures is written once, elsewhere.

An exchange has two sides. Its `Stream` tells ingest which connections there are, how each begins,
and what a message of them means. Its `Rest` answers three questions: which contracts there are,
which rates were settled, and what the quotes are now, all of them or one.

Whatever needs HTTP is a `Conversation`: a generator that yields each `Request`, gets the `Reply` to
it, and returns the result. So one question may take any number of calls (a list of markets and then
each market, or page after page), and the generator alone knows how to go on.

    def contracts(self, now: float) -> Conversation[list[Contract]]:
        reply = yield Request("markets", f"{self._base}/api/v1/markets")
        return [_contract(row, now) for row in read(_markets, reply)]

A `RestError` of a call is raised at that `yield`: a conversation that can do without the answer
catches it, and any other lets it pass. A reply that cannot be used is a `RestGarbled` or, where
the exchange refuses in the body, a `RestRefused`.

Units: prices in the quote currency; rates are fractions per funding interval; times in `_ms` are
epoch milliseconds; `now` is Unix seconds.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeVar

from funding.errors import RestError
from funding.exchanges.frame import Frame
from funding.model.asset import Aliases
from funding.model.contract import Contract
from funding.model.quote import Quote
from funding.model.settlement import Settlement

T = TypeVar("T")
NOTHING: Mapping[str, str] = MappingProxyType({})
NO_CLASSES: Mapping[int, float] = MappingProxyType({})


class Request(NamedTuple):
    """One HTTP request: GET `url` with `parameters`, or POST of the JSON `body` where there is one.

    `route` is its name in statistics and messages: no other exchange has one of this name, since
    calls are counted by it. `weight` is what the exchange counts for it.
    """

    route: str
    url: str
    weight: int = 1
    parameters: Mapping[str, str] = NOTHING
    body: bytes | None = None


class Reply(NamedTuple):
    """The answer with status 200 to a request, and our wall clock when it had come.

    The names in `headers` are looked up without regard to case.
    """

    body: bytes
    received_ms: int
    headers: Mapping[str, str] = NOTHING


Conversation = Generator[Request, Reply, T]


def converse(conversation: Conversation[T], ask: Callable[[Request], Reply]) -> T:
    """The result of `conversation`, whose requests are answered by `ask`.

    Raises the `RestError`s that the conversation does not catch.
    """
    try:
        request = next(conversation)
        while True:
            try:
                reply = ask(request)
            except RestError as error:
                request = conversation.throw(error)
            else:
                request = conversation.send(reply)
    except StopIteration as stop:
        result: T = stop.value
        return result


class Options(NamedTuple):
    """What the settings say of one exchange; addresses have no slash at their end.

    `unified_rest_url` is a second base of REST: KuCoin's unified interface, and for COIN-M that of
    USD-M. `feed` names one of several streams (KuCoin); `markets` are the builder markets to follow
    (Hyperliquid), `*` for all. `aliases` are other names of assets.
    """

    ws_url: str
    rest_url: str
    unified_rest_url: str = ""
    feed: str = ""
    markets: tuple[str, ...] = ()
    aliases: Aliases = Aliases()


class Subscription(NamedTuple):
    """A message that subscribes to `topics`."""

    message: bytes
    topics: tuple[str, ...]


class KeepAlive(NamedTuple):
    """What a client must send `every` so many seconds, lest the exchange close the connection;
    `message(n)` is the nth."""

    message: Callable[[int], bytes]
    every: float


class Opening(NamedTuple):
    """How one connection begins: its address, and what is sent over it.

    With `welcomed` nothing is sent before a frame whose `welcome` is True. `message_seconds` lie
    between two subscriptions.
    """

    url: str
    subscriptions: Sequence[Subscription] = ()
    keep_alive: KeepAlive | None = None
    welcomed: bool = False
    message_seconds: float = 0.0


class Plan(NamedTuple):
    """The connections that there should be, each with its topics; and what of the settings cannot
    be followed, with the reason. It is made again after `seconds`."""

    connections: Sequence[Sequence[str]]
    missing: Mapping[str, str] = NOTHING
    seconds: float = 600.0


class Stream(Protocol):
    """The stream of one exchange, for the life of one ingest. `decode` is called by the threads of
    all its connections."""

    def plan(self, now: float, /) -> Conversation[Plan]:
        """Asked for again now and then, since contracts come and go. An exchange whose address says
        it all has one connection without topics."""
        ...

    def refused(self, now: float, /) -> bool:
        """The exchange refuses connections: whether there is another stream, to be tried at once.
        A plan is then asked for again."""
        ...

    def open(self, topics: Sequence[str], /) -> Conversation[Opening]:
        """How the connection for `topics` begins; asked for before each attempt."""
        ...

    def decode(self, payload: bytes, received_ms: int, /) -> Frame:
        """What one message says. Raises `FrameError` for what is no message of this exchange;
        whatever else is wrong costs its row alone, and is counted in the frame."""
        ...


class Rest(Protocol):
    """The REST interface of one exchange."""

    def contracts(self, now: float) -> Conversation[list[Contract]]:
        """All contracts with a mark price, those that do not trade included."""
        ...

    def history(self, symbol: str, since_ms: int, until_ms: int) -> Conversation[list[Settlement]]:
        """The rates that were settled from `since_ms` to `until_ms`, both included, oldest first,
        none twice, and none that is still running. All pages are asked for: take a month or so at
        a time. Each row is checked to be of `symbol`."""
        ...

    def snapshot(self) -> Conversation[list[Quote]]:
        """The quotes of all contracts, for comparison and as a substitute for the stream.
        `event_time` is the exchange's, or where it gives none our receipt less the reply's age."""
        ...

    def one(self, symbol: str) -> Conversation[Quote]:
        """The same of one contract, by as small an answer as the exchange has; `RestRefused` where
        it does not have the contract. Whether the answer is of `symbol` is for the caller to
        check."""
        ...


class RestLimits(NamedTuple):
    """What the exchange allows one address, and how much of it this service takes.

    `weight` may be used in a UTC minute, and by default all our programs together use `own`; the
    reply's header `used_header` says how much was used in this minute, where there is one.
    `unweighted` calls of requests with weight 0 are allowed in five minutes.
    """

    weight: int
    own: int
    used_header: str = ""
    unweighted: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One exchange: its facts as data, and its two sides.

    `ws_url` and `rest_url` are its addresses, where no setting has them.
    `name` is its key in the database and on the command line. Fewer fresh symbols than
    `min_symbols` are unhealthy. `control_symbol` is compared with REST each minute: one that always
    trades; nothing is compared until an ingest has run for `settle_seconds`. `is_symbol` says how
    its symbols are written. `stall_seconds` is the shortest silence of a connection that means
    anything; the setting counts where it is longer.
    `event_times` is False where messages carry no time: then the time of receipt is the event time.
    `small_messages` is True where each message has one symbol, so that messages are stored in
    batches. `slow_classes` has the seconds for which some symbol classes may be silent.
    `unknown_topic_ends` is True where one topic that the exchange does not know ends the whole
    connection. At most `connections_at_most` may be open at once, of which the plan takes so few
    that successors have room; 0 where no such number is known. The delay between two attempts grows
    to `backoff_seconds`, or to the setting where that is longer. The quotes of an exchange that is
    `carried_by` another come in that one's messages. A rate per hour above `rate_cap_hourly` is no
    rate. A settled rate is answered `published_seconds` after its time at the earliest.
    """

    name: str
    title: str
    min_symbols: int
    control_symbol: str
    stream: Callable[[Options], Stream]
    rest: Callable[[Options], Rest]
    limits: RestLimits
    is_symbol: Callable[[str], bool]
    ws_url: str = ""
    rest_url: str = ""
    settle_seconds: float = 30.0
    stall_seconds: float = 0.0
    event_times: bool = True
    small_messages: bool = True
    slow_classes: Mapping[int, float] = field(default_factory=lambda: NO_CLASSES)
    unknown_topic_ends: bool = False
    connections_at_most: int = 0
    backoff_seconds: float = 0.0
    carried_by: str = ""
    rate_cap_hourly: float = 0.04
    published_seconds: float = 5.0
