#!/usr/bin/env python3
"""The localhost API: settings → routes over a read-only store → waitress.

Under supervisord it serves the listening socket that it gets as standard input, which outlives
it; alone it binds its own. SIGTERM answers what is in hand, then exits 0.
"""

import logging
import sys
from pathlib import Path

from funding import startup
from funding.api.broadcaster import Broadcaster
from funding.api.host_check import local_only
from funding.api.metrics_routes import Process
from funding.api.pages import Pages
from funding.api.routes import Api, Shared
from funding.api.served import Served, ServedExchange
from funding.api.server import Server, listening_socket, serve
from funding.api.two_apis import TwoApis, new_meters
from funding.exchanges.table import EXCHANGES
from funding.health import verdict
from funding.runtime.clock import SYSTEM
from funding.settings import assets
from funding.settings.service import Settings
from funding.store.reader import Reader

log = logging.getLogger("api")

PAGE = Path(__file__).resolve().parent / "web"
CHECK_SECONDS = 0.02  # how soon a replaced database is noticed


def _exchanges(settings: Settings) -> dict[str, ServedExchange]:
    """Those that are followed. The one that is meant where none is named comes first."""
    found = {}
    for name in sorted(settings.exchanges, key=settings.first.__ne__):
        reader = Reader(settings.db, name, SYSTEM, check_seconds=CHECK_SECONDS)
        few = settings.min_symbols_of(EXCHANGES[name])
        limits = verdict.Limits(settings.stale_after, few)
        found[name] = ServedExchange(reader, limits, EXCHANGES[name].rate_cap_hourly)
    return found


def main() -> int:
    """Exit codes: 0 stopped, 1 it cannot listen, 2 a setting or argument is wrong."""
    parser = startup.parser("api.py", "Serves the stored quotes over HTTP.")
    parser.add_argument(
        "--socket", type=Path, help="also answer at this unix socket, for the watchdog"
    )
    parser.add_argument(
        "--prepare", action="store_true", help="check settings and address, then exit"
    )
    arguments = parser.parse_args()
    settings = startup.begin("api")
    address = settings.api_host, settings.api_port
    served = [Served(_exchanges(settings)) for _ in range(3)]  # one for each thread
    broadcaster = Broadcaster(served[0], SYSTEM)
    process = Process(arguments.socket.stem if arguments.socket else "api", new_meters())
    shared = Shared(broadcaster, process, Pages(PAGE), assets.load())
    short, long = (Api(each, SYSTEM, shared) for each in served[1:])
    api = TwoApis(short, long, process.meters)
    try:
        listening = listening_socket(*address)
        host, port = listening.getsockname()[:2]
        if arguments.prepare:
            listening.close()
            print(f"the API will answer at http://{host}:{port}/funding/BTCUSDT")
            return 0
        application = local_only(api, host, port)
        server = Server(application, listening, arguments.socket, api.takes_long, broadcaster.close)
    except OSError as error:
        also = f" and {arguments.socket}" if arguments.socket else ""
        log.error("cannot listen on %s:%d%s: %s", *address, also, error.strerror or error)
        return 1
    log.info("listening on http://%s:%d", host, port)
    serve(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
