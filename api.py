#!/usr/bin/env python3
"""The localhost API: settings → routes over a read-only store → waitress.

With --from the store is a replica of its own, which follows takers on other machines by NATS.

Under supervisord it serves the listening socket that it gets as standard input, which outlives
it; alone it binds its own. SIGTERM answers what is in hand, then exits 0.
"""

import argparse
import logging
import os
import signal
import socket
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from funding import startup
from funding.api.broadcaster import Broadcaster
from funding.api.host_check import local_only
from funding.api.metrics_routes import Process
from funding.api.pages import Pages
from funding.api.routes import Api, Shared
from funding.api.served import Served, ServedExchange
from funding.api.server import Server, listening_socket, serve
from funding.api.two_apis import TwoApis, new_meters
from funding.errors import StoreError
from funding.exchanges.table import EXCHANGES
from funding.health import verdict
from funding.runtime.clock import SYSTEM
from funding.runtime.logs import ThrottledWarnings
from funding.settings import assets
from funding.settings.service import Settings
from funding.store.reader import Reader
from funding.store.replica_file import LACKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funding.nats.addresses import Address
    from funding.replica.replica import Replica

log = logging.getLogger("api")

PAGE = Path(__file__).resolve().parent / "web"
CHECK_SECONDS = 0.02  # how soon a replaced database is noticed
WARN_SECONDS = 60.0


def _exchanges(settings: Settings, replica: "Replica | None") -> dict[str, ServedExchange]:
    """Those that are followed. The one that is meant where none is named comes first."""
    found = {}
    path = settings.db if replica is None else replica.path
    for name in sorted(settings.exchanges, key=settings.first.__ne__):
        reader = Reader(path, name, SYSTEM, check_seconds=CHECK_SECONDS)
        few = settings.min_symbols_of(EXCHANGES[name])
        limits = verdict.Limits(settings.stale_after, few)
        served = ServedExchange(reader, limits, EXCHANGES[name].rate_cap_hourly)
        if replica is not None:
            served = served._replace(link=partial(replica.problem, name))
        found[name] = served
    return found


def _arguments() -> argparse.Namespace:
    parser = startup.parser("api.py", "Serves the stored quotes over HTTP.")
    parser.add_argument(
        "--socket", type=Path, help="also answer at this unix socket, for the watchdog"
    )
    parser.add_argument(
        "--prepare", action="store_true", help="check settings and address, then exit"
    )
    parser.add_argument(
        "--from",
        dest="nats",
        nargs="?",
        const="",
        metavar="NATS",
        help="serve what takers on other machines publish there, nats://host:4222[,…], instead of"
        " this machine's database; without an address, which others may see: FUNDING_NATS_URL",
    )
    return parser.parse_args()


def _serve(
    settings: Settings, listening: socket.socket, watchdog: Path | None, replica: "Replica | None"
) -> None:
    """Answer until SIGTERM or SIGINT. Raises OSError where it cannot listen."""
    lacking = () if replica is None else LACKING
    ask = None if replica is None else replica.ask
    served = [Served(_exchanges(settings, replica), lacking, ask) for _ in range(3)]  # by thread
    broadcaster = Broadcaster(served[0], SYSTEM)
    process = Process(watchdog.stem if watchdog else "api", new_meters())
    shared = Shared(broadcaster, process, Pages(PAGE), assets.load())
    short, long = (Api(each, SYSTEM, shared) for each in served[1:])
    api = TwoApis(short, long, process.meters)
    host, port = listening.getsockname()[:2]
    application = local_only(api, host, port)
    server = Server(application, listening, watchdog, api.takes_long, broadcaster.close)
    log.info("listening on http://%s:%d", host, port)
    serve(server)


def _replica(addresses: "Sequence[Address]", settings: Settings) -> "Replica":
    from funding.replica.replica import Replica  # here: it costs memory

    return Replica(
        addresses,
        settings.exchanges,
        clock=SYSTEM,
        warn=ThrottledWarnings(log, WARN_SECONDS, SYSTEM.uptime),
        failed=lambda: os.kill(os.getpid(), signal.SIGTERM),
    )


def main() -> int:
    """Exit codes: 0 stopped, 1 it cannot listen or follow, 2 a setting or argument is wrong."""
    arguments = _arguments()
    settings = startup.begin("api")
    follows = arguments.nats is not None
    addresses = startup.nats_addresses("api", arguments.nats) if follows else []
    address = settings.api_host, settings.api_port
    try:
        with ExitStack() as ending:
            listening = ending.enter_context(listening_socket(*address))
            if arguments.prepare:
                host, port = listening.getsockname()[:2]
                print(f"the API will answer at http://{host}:{port}/funding/BTCUSDT")
                return 0
            replica = _replica(addresses, settings) if addresses else None
            if replica is not None:
                ending.callback(replica.close)
            _serve(settings, listening, arguments.socket, replica)
            if replica is not None:
                replica.check()
    except OSError as error:
        also = f" and {arguments.socket}" if arguments.socket else ""
        log.error("cannot listen on %s:%d%s: %s", *address, also, error.strerror or error)
        return 1
    except StoreError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
