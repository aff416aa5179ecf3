"""The loop of one exchange and its parts, put together."""

import logging
import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from funding.exchanges.exchange import Exchange, Reply, Request
from funding.exchanges.frame import Frame
from funding.ingest.carried import CarriedPolicy
from funding.ingest.connection_policy import ConnectionPolicy
from funding.ingest.connection_shares import ConnectionShares
from funding.ingest.exchange_connection import ExchangeConnection
from funding.ingest.following import Following
from funding.ingest.inbox import Inbox
from funding.ingest.interpreter import BarDays, Interpreter
from funding.ingest.lag import LagMeter
from funding.ingest.liveness import CONNECT_SECONDS
from funding.ingest.loop import IngestLoop
from funding.ingest.planner import plans_of
from funding.ingest.receiver import Receiver
from funding.model.feed import Feed
from funding.runtime.backoff import Attempts
from funding.runtime.clock import SYSTEM
from funding.settings.service import Settings
from funding.statistics.thresholds import Threshold
from funding.store.stated_waits import StatedWaits
from funding.store.writer import Writer

log = logging.getLogger("ingest")

CARRIED_SILENCE = 2.0  # stall times without a row, while the carrier flows
GATHER_SECONDS = 0.1  # between two transactions, where each message has one symbol


def policies(
    settings: Settings,
    exchange: Exchange,
    feed: Feed,
    wait: Callable[[], float],
    uniform: Callable[[float, float], float] = random.uniform,
) -> ConnectionShares:
    """The policies of the connections; `wait()` gives the seconds that the exchange asked for."""
    attempts = Attempts(feed.started_uptime, feed.attempts_left)
    most = exchange.connections_at_most

    def make(number: Callable[[], int], now: float) -> ConnectionPolicy:
        return ConnectionPolicy(
            connections=1 if most else settings.connections,
            stall_after=max(settings.stall_after, exchange.stall_seconds),
            rotate_after=settings.rotate_after,
            backoff_max=max(settings.backoff_max, exchange.backoff_seconds),
            uniform=uniform,
            now=now,
            attempts=attempts,
            wait=wait(),
            number=number,
            slow=exchange.slow_classes,
            has_room=lambda: not most or shares.count() < most,
        )

    shares = ConnectionShares(make, attempts)
    return shares


class Kept(NamedTuple):
    """An exchange whose quotes are kept, with its feed row and what writes both."""

    exchange: Exchange
    feed: Feed
    writer: Writer


def assemble(
    settings: Settings,
    kept: Kept,
    *,
    ask: Callable[[Request], Reply],
    thresholds: list[Threshold],
    carried: Kept | None = None,
) -> list[IngestLoop]:
    """The loop that keeps `kept`, and one for what is `carried` in the same messages. `ask` makes
    one REST call, and a quote that crosses one of the `thresholds` is a signal."""
    exchange, feed, _ = kept
    waits, options = StatedWaits(settings.db, SYSTEM), settings.options(exchange.name)
    _note_pause(feed, waits.left(options.ws_url))
    inbox, beside = _inbox(kept), None if carried is None else _inbox(carried)
    stream = exchange.stream(options)
    shares = policies(settings, exchange, feed, partial(waits.left, options.ws_url))
    plans = plans_of(stream, ask=ask, clock=SYSTEM, changed=inbox.wake)
    following = Following(stream, plans=plans, shares=shares, clock=SYSTEM, knows=inbox.knows)

    def connect(number: int) -> Receiver:
        share = shares.take_share(number)
        connection = ExchangeConnection(
            stream,
            share,
            following.topics(share),
            ask=ask,
            clock=SYSTEM,
            timeout=CONNECT_SECONDS,
            lost=following.lost if exchange.unknown_topic_ends else None,
        )
        receiver = Receiver(
            number,
            connection=connection,
            decode=connection.decode if beside is None else _also(connection.decode, beside),
            inbox=inbox,
            clock=SYSTEM,
            told_to_wait=partial(waits.record, options.ws_url),
        )
        receiver.start()
        return receiver

    make = partial(_loop, settings, thresholds=thresholds)
    loops = [make(kept, shares, inbox, connect=connect, following=following)]
    if carried is not None and beside is not None:
        policy = CarriedPolicy(shares, CARRIED_SILENCE * settings.stall_after)
        loops.append(make(carried, policy, beside, connect=_never, following=None))
    return loops


def _note_pause(feed: Feed, seconds: float) -> None:
    """Say that an earlier process was told to wait, where some of that is left."""
    if seconds:
        feed.last_error = f"the exchange has asked for a pause: connecting in {seconds:.0f} s"
        feed.last_error_at = SYSTEM.wall()
        log.warning("%s", feed.last_error)


def _also(decode: Callable[[bytes], Frame], inbox: Inbox) -> Callable[[bytes], Frame]:
    """As `decode`, and what is another exchange's goes to that one's `inbox`."""

    def both(payload: bytes) -> Frame:
        frame = decode(payload)
        if frame.beside is not None:
            inbox.offer(0, frame.beside, SYSTEM.wall(), SYSTEM.uptime())
        return frame

    return both


def _never(number: int) -> Receiver:
    raise AssertionError(f"connection {number} of an exchange that has none")


def _inbox(kept: Kept) -> Inbox:
    feed = kept.feed
    return Inbox(
        kept.writer.symbols(feed.exchange),
        LagMeter(feed.least_delay, feed.started_uptime),
        feed.last_event_time or 0,
        GATHER_SECONDS if kept.exchange.small_messages else 0.0,
    )


def _loop(
    settings: Settings,
    kept: Kept,
    policy: ConnectionShares,
    inbox: Inbox,
    *,
    connect: Callable[[int], Receiver],
    following: Following | None,
    thresholds: list[Threshold],
) -> IngestLoop:
    return IngestLoop(
        kept.feed,
        writer=kept.writer,
        policy=policy,
        inbox=inbox,
        interpreter=Interpreter(
            kept.feed.exchange,
            kept.writer,
            now=SYSTEM.uptime(),
            last_event_time=kept.feed.last_event_time,
            thresholds=thresholds,
            bar_days=BarDays(settings.minute_bar_days, settings.hour_bar_days),
            rate_cap_hourly=kept.exchange.rate_cap_hourly,
        ),
        connect=connect,
        clock=SYSTEM,
        keep_seconds=settings.comparison_days * 86_400,
        following=following,
    )
