"""The stand-in exchange as a process, for tests of what asks it."""

import json
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.processes import PATIENCE_SECONDS, running, until

FEW = ("--main", "30", "--tradfi", "10")


class StandIn:
    """The stand-in exchange at `port`, and its control endpoint."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/market/stream?streams=!markPrice@arr@1s"

    def order(self, path: str, method: str = "GET", body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.rest_url}/sim/{path}", data, method=method)
        with self._open(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)

    def calls(self, route: str = "premiumIndex") -> int:
        """How often it was asked for `route`."""
        return int(self.order("state")["rest_calls"].get(route, 0))

    @contextmanager
    def faults(self, **faults: object) -> Iterator[None]:
        """These faults while the block runs."""
        self.order("faults", "POST", faults)
        try:
            yield
        finally:
            self.order("faults", "DELETE")


@contextmanager
def stand_in(folder: Path, *options: str, count: Sequence[str] = FEW) -> Iterator[StandIn]:
    """A stand-in exchange of its own, with few symbols unless `count` says otherwise."""
    port_file = folder / "exchange.port"
    command = [sys.executable, "-m", "harness.sim", "--port", "0", "--port-file", str(port_file)]
    command += [*count, *options]
    with running(command, folder / "exchange.log"):
        until(port_file.exists, "the stand-in exchange")
        yield StandIn(int(port_file.read_text("ascii")))
