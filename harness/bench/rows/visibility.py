"""Row 2: a frame sent → readable over HTTP, by one process that does both."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.bench import goals
from harness.bench.figures import OURS
from harness.bench.frames import build, stamped
from harness.bench.programs import PYTHON, ROOT, free_port, module, running
from harness.bench.run import Run
from harness.bench.service import REDIS, shared
from harness.bench.wire import Client, accept, listening

_PATIENCE_SECONDS = 3.0
_LOST = 2
_PAUSE_SECONDS = 0.01
_POLL_SECONDS = 0.0005  # asking without a pause would take the cores from who is asked


@dataclass
class Watched:
    """Somebody who listens to us and answers us."""

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
        while time.perf_counter() - began < _PATIENCE_SECONDS:
            answer = self.ask()
            if shown[0] in answer or shown[1] in answer:
                return (time.perf_counter() - began) * 1000
            time.sleep(_POLL_SECONDS)
        return None


def measure(run: Run) -> None:
    """One trial of each in turn."""
    folder = run.room("seen")
    frame = build()[0]
    with ExitStack() as stack:
        watched = [stack.enter_context(_ours(folder)), stack.enter_context(_bare(folder))]
        if run.peers:
            watched.append(stack.enter_context(_older(folder)))
            if REDIS is not None:
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
def _ours(folder: Path) -> Iterator[Watched]:
    port = free_port()
    with listening() as server:
        settings = {
            "FUNDING_DB": folder / "ours.db",
            "FUNDING_WS_URL": f"ws://127.0.0.1:{server.getsockname()[1]}/market/stream",
            "FUNDING_API_PORT": port,
            "FUNDING_STALL_AFTER": 60,
        }
        with (
            running([PYTHON, ROOT / "ingest.py"], folder / "ours.log", settings=settings),
            running([PYTHON, ROOT / "api.py"], folder / "ours.log", settings=settings),
        ):
            yield Watched(OURS, accept(server), port)


@contextmanager
def _bare(folder: Path) -> Iterator[Watched]:
    with listening() as server:
        url = f"ws://127.0.0.1:{server.getsockname()[1]}/"
        command = module("harness.bench.floors.memory", url)
        with shared(command, folder / "bare.log", count=1) as port:
            yield Watched("floor: without SQLite", accept(server), port)


@contextmanager
def _older(folder: Path) -> Iterator[Watched]:
    port, state = free_port(), folder / "older.json"
    with listening() as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        ingest = module("harness.bench.peers.older_ingest", address, state, peer=True)
        api = module("harness.bench.peers.older_api", state, port, peer=True)
        log = folder / "older.log"
        with running(ingest, log), running(api, log):
            yield Watched(goals.OLDER, accept(server), port, every=25)


@contextmanager
def _redis(folder: Path) -> Iterator[Watched]:
    path, log = folder / "r.sock", folder / "redis.log"
    server = [str(REDIS), "--port", "0", "--unixsocket", str(path), "--dir", str(folder)]
    with running(server, log), listening() as held:
        address = f"127.0.0.1:{held.getsockname()[1]}"
        ingest = module("harness.bench.peers.redis_ingest", address, path, peer=True)
        api = module("harness.bench.peers.redis_api", path, peer=True)
        with running(ingest, log), shared(api, log, count=1) as port:
            yield Watched("redis", accept(held), port)
