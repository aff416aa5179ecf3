"""`python -m harness.sim`: the stand-in exchange as a program.

Exit 0 when told to stop, 2 when it cannot start, with one line that says why.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import sys
from pathlib import Path

from harness.sim.contracts import Contract, default_contracts
from harness.sim.recording import RecordingError, read
from harness.sim.server import Options, serve
from harness.sim.world import World
from harness.sim.world_file import WorldError, load_contracts


def main(arguments: list[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT; returns the exit code."""
    given = _parser().parse_args(arguments)
    options = Options(
        given.host, given.port, given.port_file, given.tick, given.speed,
        given.ping_interval, given.pong_timeout, tuple(given.replay),
    )  # fmt: skip
    try:
        for path in options.replay:
            next(read(path), None)
        world = World(_contracts(given), seed=given.seed)
        asyncio.run(serve(world, options))
    except (WorldError, RecordingError) as error:
        print(f"sim: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"sim: cannot serve on {given.host}:{given.port}: {error}", file=sys.stderr)
        return 2
    return 0


def _contracts(given: argparse.Namespace) -> list[Contract]:
    if given.world is not None:
        return load_contracts(given.world, seed=given.seed, tradfi=given.tradfi)
    return default_contracts(seed=given.seed, main=given.main, tradfi=given.tradfi)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness.sim", description="A stand-in for Binance USD-M futures."
    )
    add = parser.add_argument
    add("--host", type=_host, default="127.0.0.1", help="loopback or private (127.0.0.1)")
    add("--port", type=_port, default=8899, help="0 picks a free one (8899)")
    add("--port-file", type=Path, help="the port is written here once it listens")
    add("--world", type=Path, metavar="FILE", help="start from a recorded premiumIndex reply")
    add(
        "--replay", type=Path, metavar="FILE", nargs="+", default=(),
        help="send these recordings to every client, then end; see scripts/record.py",
    )  # fmt: skip
    add("--main", type=_count, default=745, help="rows of the main frame (745)")
    add("--tradfi", type=_count, default=217, help="rows of the TradFi frame (217)")
    add("--seed", type=int, default=1, help="other names, prices and movements (1)")
    add("--tick", type=_positive, default=1.0, help="seconds between @1s frames (1.0)")
    add("--speed", type=_positive, default=1.0, help="exchange seconds per real second (1)")
    add("--ping-interval", type=_positive, default=180.0, help="seconds between pings (180)")
    add("--pong-timeout", type=_positive, default=600.0, help="seconds to wait for a pong (600)")
    return parser


def _host(text: str) -> str:
    """Whoever reaches it may switch faults: nothing public, and never all interfaces."""
    if text == "localhost":
        return text
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or address.is_unspecified or not address.is_private:
        raise argparse.ArgumentTypeError(f"{text!r} is not a loopback or private address")
    return text


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rows")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.001 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0.001 to a million")
    return value


if __name__ == "__main__":
    sys.exit(main())
