"""The wiring: world, ticks, both sides and the control endpoint in one aiohttp application."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from harness.sim.control import Control
from harness.sim.faults import FaultState
from harness.sim.frames import FrameMaker
from harness.sim.hub import Hub
from harness.sim.replay import Replay
from harness.sim.rest import RestSide
from harness.sim.stream import StreamSide
from harness.sim.ticks import Clock, TickSource
from harness.sim.venues import all_venues
from harness.sim.venues.control import VenueControl
from harness.sim.venues.venue import Venue
from harness.sim.world import World


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen and how to tick. Seconds are real ones; `speed` is exchange seconds per
    real second. With `replay`, recordings take the place of the ticks."""

    host: str
    port: int
    port_file: Path | None
    tick_seconds: float
    speed: float
    ping_seconds: float
    pong_seconds: float
    replay: tuple[Path, ...] = ()


async def serve(world: World, options: Options) -> None:
    """Serves until SIGTERM or SIGINT, then closes every WebSocket with 1001. OSError when the
    address cannot be had."""
    faults = FaultState()
    step_ms = max(1, round(options.tick_seconds * options.speed * 1000))
    source = TickSource(Clock(speed=options.speed), step_ms=step_ms)
    hub = Hub(
        source, FrameMaker(world, faults), faults,
        ping_seconds=options.ping_seconds, pong_seconds=options.pong_seconds,
    )  # fmt: skip
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    venues = all_venues.make(world, source.clock)
    app = application(hub, faults, venues)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, options.host, options.port, backlog=1024).start()
        announce(runner.addresses[0][1], options)
        replay = Replay(options.replay, speed=options.speed).run(hub) if options.replay else None
        sides = [side for each in venues.values() for side in each]
        await _until(stopping, hub.care(), replay or hub.run(), *(side.run() for side in sides))
    finally:
        await hub.close_all(1001, "Going away")
        await runner.cleanup()


def application(hub: Hub, faults: FaultState, venues: dict[str, list[Venue]]) -> web.Application:
    """All routes on one application."""

    # The faults are Binance's; every other venue has its own.
    elsewhere = ("/sim/", *(f"/{name}/" for name in venues))

    @web.middleware
    async def dropping(request: web.Request, handler: Handler) -> web.StreamResponse:
        if faults.on("drop_connections") and not request.path.startswith(elsewhere):
            hub.attempts += not request.path.startswith(("/fapi/", "/dapi/"))
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        return await handler(request)

    rest = RestSide(hub, faults)
    app = web.Application(middlewares=[dropping])
    app.add_routes(StreamSide(hub, faults).routes())
    app.add_routes(rest.routes())
    app.add_routes(Control(hub, rest, faults).routes())
    app.add_routes(VenueControl(venues).routes())
    for each in venues.values():
        app.add_routes(each[0].routes())
    return app


def announce(port: int, options: Options) -> None:
    """Says where it listens, on stdout and in the port file."""
    if options.port_file is not None:
        temporary = options.port_file.with_name(f"{options.port_file.name}.{os.getpid()}")
        temporary.write_text(f"{port}\n", encoding="ascii")
        temporary.replace(options.port_file)
    print(f"stand-in exchange on http://{options.host}:{port}", flush=True)


async def _until(stopping: asyncio.Event, *parts: Coroutine[None, None, None]) -> None:
    """Runs all parts until told to stop or one has ended; an error in one ends the program."""
    work = [asyncio.ensure_future(part) for part in parts]
    waiting = asyncio.ensure_future(stopping.wait())
    done, pending = await asyncio.wait([*work, waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()
