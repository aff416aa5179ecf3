"""Row 2: a frame sent → readable over HTTP, by one process that does both."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.bench import goals
from harness.bench.contenders import REDIS, Checkout, older, redis, shared
from harness.bench.frame_server import Client, accept, listening
from harness.bench.measuring import Run
from harness.bench.prepared_frames import build, stamped
from harness.processes import free_port, module, port_of, running

_SHOWN_SECONDS = 3.0
_LOST = 2
_PAUSE_SECONDS = 0.01
_POLL_SECONDS = 0.0005  # asking without a pause would take the cores from the one that is asked


@dataclass
class Watched:
    """A contender that listens to us and answers us."""

    name: str
    client: Client
    port: int
    every: int = 1
    times: list[float] = field(default_factory=list)
    asking: socket.socket | None = None
    lost: int = 0
    why: str = ""

    def ask(self) -> bytes:
        """GET /funding/BTCUSDT; empty when there is no answer."""
        try:
            if self.asking is None:
                self.asking = socket.create_connection(("127.0.0.1", self.port), 2)
                self.asking.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            host = f"Host: 127.0.0.1:{self.port}\r\n\r\n".encode()
            self.asking.sendall(b"GET /funding/BTCUSDT HTTP/1.1\r\n" + host)
            answer = self.asking.recv(65_536)
            while answer and not answer.rstrip().endswith(b"}"):
                answer += self.asking.recv(65_536)
        except OSError:
            answer = b""
        if not answer and self.asking is not None:
            self.asking.close()
            self.asking = None
        return answer

    def measure(self, frame: bytes, event_time: int) -> None:
        """One trial, unless two were in vain before."""
        if self.lost >= _LOST:
            return
        try:
            took = self.trial(frame, event_time)
        except OSError as error:
            took, self.lost = None, _LOST
            self.why = f"it left after {len(self.times)} trials: {error}"
        if took is not None:
            self.times.append(took)
            return
        self.lost += 1
        self.why = self.why or f"shown too late, after {len(self.times)} trials"

    def trial(self, frame: bytes, event_time: int) -> float | None:
        """Milliseconds from the send until the answer has its event time."""
        shown = (b'"eventTime":%d' % event_time, b'"eventTime": %d' % event_time)
        began = time.perf_counter()
        self.client.send(stamped(frame, event_time))
        while time.perf_counter() - began < _SHOWN_SECONDS:
            answer = self.ask()
            if shown[0] in answer or shown[1] in answer:
                return (time.perf_counter() - began) * 1000
            time.sleep(_POLL_SECONDS)
        return None


def measure(run: Run) -> None:
    """One trial of each in turn."""
    folder = run.make_folder("seen")
    frame = build()[0]
    with ExitStack() as stack:
        watched = [stack.enter_context(ours(folder, each)) for each in run.checkouts]
        watched.append(stack.enter_context(_bare(folder)))
        if run.peers:
            watched.append(stack.enter_context(_older(folder)))
            if REDIS:
                watched.append(stack.enter_context(_redis(folder)))
        event_time = int(time.time() * 1000) - 3_600_000
        deadline = time.monotonic() + 15
        for one in watched:
            while one.trial(frame, event_time := event_time + 1000) is None:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{one.name} shows nothing: {folder}")
        for number in range(int(run.pick(75, 600))):
            for one in watched:
                event_time += 1000
                if number % one.every == 0:
                    one.measure(frame, event_time)
                    time.sleep(_PAUSE_SECONDS)
        for one in watched:
            run.figures.samples(2, goals.SEEN, one.name, "ms", one.times, one.why)


@contextmanager
def ours(folder: Path, checkout: Checkout) -> Iterator[Watched]:
    port, name = free_port(), checkout.name
    with listening() as server:
        settings = {
            "FUNDING_DB": folder / f"{name}.db",
            "FUNDING_WS_URL": f"ws://127.0.0.1:{port_of(server)}/market/stream",
            "FUNDING_API_PORT": port,
            "FUNDING_STALL_AFTER": 60,
        }
        ingest, api = (
            running(checkout.program(each), folder / f"{name}-{each}.log", settings=settings)
            for each in ("ingest.py", "api.py")
        )
        with ingest, api:
            yield Watched(name, accept(server), port)


@contextmanager
def _bare(folder: Path) -> Iterator[Watched]:
    with listening() as server:
        command = module("harness.bench.floors.memory", f"ws://127.0.0.1:{port_of(server)}/")
        with shared(command, folder / "bare.log", count=1) as port:
            yield Watched("floor: without SQLite", accept(server), port)


@contextmanager
def _older(folder: Path) -> Iterator[Watched]:
    with listening() as server, older(folder, f"127.0.0.1:{port_of(server)}") as (port, _):
        yield Watched(goals.OLDER, accept(server), port, every=25)


@contextmanager
def _redis(folder: Path) -> Iterator[Watched]:
    with listening() as server, redis(folder, f"127.0.0.1:{port_of(server)}", 1) as (port, _):
        yield Watched("redis", accept(server), port)
