#!/usr/bin/env python3
"""The ingest program: the exchange's stream → quotes in the store, until it is stopped.

Connections are threads that hand decoded frames to this one thread, which writes them.
SIGTERM finishes the frame in hand, empties the WAL and exits 0.
"""

import logging
import os
import random
import sys
import threading
from functools import partial
from urllib.parse import urlsplit

from funding import errors
from funding.exchanges.binance import stream as binance
from funding.ingest.connection_policy import ConnectionPolicy
from funding.ingest.inbox import Inbox
from funding.ingest.interpreter import BarDays, Interpreter
from funding.ingest.lag import LagMeter
from funding.ingest.liveness import CONNECT_SECONDS
from funding.ingest.loop import IngestLoop
from funding.ingest.receiver import Receiver
from funding.ingest.websocket import WebSocket
from funding.model.event import EventKind
from funding.model.feed import Feed
from funding.runtime import startup
from funding.runtime.clock import SYSTEM
from funding.settings.service import Settings
from funding.statistics.thresholds import Threshold
from funding.store.damage import report_damage
from funding.store.prepare import begin_to_write, prepare
from funding.store.recovery import recover
from funding.store.stated_waits import StatedWaits
from funding.store.writer import Writer

log = logging.getLogger("ingest")

STEP_SECONDS = 0.25  # how soon a signal or a stall is noticed
FLOWING_SECONDS = 1.0  # while quotes flow the next frame comes first; an idle step costs 0.2 ms


def build(settings: Settings, feed: Feed, writer: Writer, own: list[Threshold]) -> IngestLoop:
    """The loop and its parts, put together."""
    waits = StatedWaits(settings.db, SYSTEM)
    wait = waits.left(settings.ws_url)
    if wait:
        feed.last_error = f"the exchange has asked for a pause: connecting in {wait:.0f} s"
        feed.last_error_at = SYSTEM.wall()
        log.warning("%s", feed.last_error)
    meter = LagMeter(feed.least_delay, feed.started_uptime)
    inbox = Inbox(writer.symbols(feed.exchange), meter, feed.last_event_time or 0)
    policy = ConnectionPolicy(
        connections=settings.connections,
        stall_after=settings.stall_after,
        rotate_after=settings.rotate_after,
        backoff_max=settings.backoff_max,
        uniform=random.uniform,
        now=SYSTEM.uptime(),
        attempts_left=feed.attempts_left,
        wait=wait,
    )

    def connect(number: int) -> Receiver:
        connection = WebSocket(settings.ws_url, CONNECT_SECONDS)
        receiver = Receiver(
            number,
            connection=connection,
            decode=binance.decode,
            inbox=inbox,
            clock=SYSTEM,
            told_to_wait=partial(waits.record, settings.ws_url),
        )
        receiver.start()
        return receiver

    return IngestLoop(
        feed,
        writer=writer,
        policy=policy,
        inbox=inbox,
        interpreter=Interpreter(
            feed.exchange,
            writer,
            now=SYSTEM.uptime(),
            last_event_time=feed.last_event_time,
            thresholds=own,
            bar_days=BarDays(settings.minute_bar_days, settings.hour_bar_days),
        ),
        connect=connect,
        clock=SYSTEM,
        keep_seconds=settings.comparison_days * 86_400,
    )


def run(settings: Settings, feed: Feed, own: list[Threshold]) -> None:
    """Receive and store until SIGTERM or SIGINT."""
    stopping = startup.stop_on_signal()
    writer = begin_to_write(settings.db, feed, stopping)
    if writer is None:
        return
    loop, aside = build(settings, feed, writer, own), writer.set_aside
    if aside is not None:
        loop.record(EventKind.DATABASE_DAMAGED, f"the old one is {aside.name}")
        threading.Thread(target=recover, args=(aside, settings.db), daemon=True).start()
    flowing = False
    while not stopping.is_set():
        flowing = loop.step(FLOWING_SECONDS if flowing else STEP_SECONDS)
    loop.stop()
    log.info("stopped")


def main() -> int:
    """Exit codes: 0 stopped, 1 the store cannot be used, 2 a setting or argument is wrong."""
    parser = startup.parser("ingest.py", "Keeps every symbol's mark price and funding rate.")
    parser.add_argument(
        "--prepare", action="store_true", help="check settings and database, then exit"
    )
    arguments = parser.parse_args()
    settings = startup.begin("ingest")
    thresholds = startup.thresholds("ingest", settings)
    feed = Feed(
        exchange=binance.NAME,
        address=urlsplit(settings.ws_url).hostname or "",
        pid=os.getpid(),
        boot_id=SYSTEM.boot,
        started_at=SYSTEM.wall(),
        started_uptime=SYSTEM.uptime(),
        heartbeat_at=SYSTEM.wall(),
        heartbeat_uptime=SYSTEM.uptime(),
    )
    try:
        if arguments.prepare:
            prepare(settings.db, feed)
        else:
            run(settings, feed, thresholds)
    except errors.StoreCorrupt as error:
        report_damage(settings.db)
        log.error("%s", error)
        return 1
    except errors.StoreError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
