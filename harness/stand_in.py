"""The stand-in exchange as a process, and its control endpoint."""

import json
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.processes import WAIT_SECONDS, Process, module, running, tied, until

FEW = ("--main", "30", "--tradfi", "10")


@dataclass(frozen=True, slots=True)
class StandIn:
    """The stand-in exchange at `port`."""

    port: int
    process: Process
    host: str = "127.0.0.1"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def rest_url(self) -> str:
        """What FUNDING_REST_URL is set to."""
        return f"http://{self.address}"

    @property
    def ws_url(self) -> str:
        """What FUNDING_WS_URL is set to."""
        return f"ws://{self.address}/market/stream?streams=!markPrice@arr@1s"

    @property
    def venue_settings(self) -> dict[str, str]:
        """The addresses of the other venues, as settings."""
        http, ws = f"http://{self.address}", f"ws://{self.address}"
        return {
            "FUNDING_KUCOIN_WS_URL": f"{ws}/kucoin/push",
            "FUNDING_KUCOIN_REST_URL": f"{http}/kucoin",
            "FUNDING_KUCOIN_UNIFIED_REST_URL": f"{http}/kucoin",
            "FUNDING_HYPERLIQUID_WS_URL": f"{ws}/hyperliquid/ws",
            "FUNDING_HYPERLIQUID_REST_URL": f"{http}/hyperliquid",
            "FUNDING_BACKPACK_WS_URL": f"{ws}/backpack/ws",
            "FUNDING_BACKPACK_REST_URL": f"{http}/backpack",
        }

    def order(self, path: str, method: str = "GET", body: object = None) -> Any:
        """What /sim/PATH answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.rest_url}/sim/{path}", data, method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=WAIT_SECONDS) as answer:
            return json.load(answer)

    def fault(self, **faults: object) -> None:
        """Put faults in force; None ends one."""
        self.order("faults", "POST", faults)

    @contextmanager
    def faults(self, **faults: object) -> Iterator[None]:
        """These faults while the block runs."""
        self.fault(**faults)
        try:
            yield
        finally:
            self.order("faults", "DELETE")

    def forget_calls(self) -> None:
        """No call so far counts against the limits of REST."""
        self.order("budget", "DELETE")

    def calls(self, route: str = "premiumIndex") -> int:
        """How often REST was asked for `route`."""
        return int(self.order("state")["rest_calls"].get(route, 0))

    def all_calls(self) -> int:
        """How often REST was asked for anything."""
        return sum(self.order("state")["rest_calls"].values())

    def last_sent(self) -> int:
        """The newest event time that was sent so far, ms."""
        return int(self.order("state")["last_event_time"])


@contextmanager
def stand_in(
    folder: Path,
    *options: object,
    count: Sequence[object] = FEW,
    host: str = "127.0.0.1",
    prefix: Sequence[str] = (),
) -> Iterator[StandIn]:
    """A stand-in exchange of its own; few symbols unless `count` says otherwise, () for all.
    `prefix` is a command that starts it somewhere else, where `host` is its address."""
    port_file, log = folder / "exchange.port", folder / "exchange.log"
    port_file.unlink(missing_ok=True)
    more = ("--host", host, "--port", 0, "--port-file", port_file, *count, *options)
    with running(tied(*prefix, *module("harness.sim", *more)), log) as process:

        def listens() -> bool:
            assert process.poll() is None, f"the stand-in exchange: {log.read_text()}"
            return port_file.exists()

        until(listens, "the stand-in exchange")
        yield StandIn(int(port_file.read_text("ascii")), process, host)
