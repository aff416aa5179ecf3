"""A backend at the far end of the wire: real HTTP on loopback, and a switch for how it fails.

It keeps what it accepted by idempotency key, as the real one must: a post that comes twice under
one key is one.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "backend-key-4711"
TOKEN = "9999:telegram-token-0815"
CHAT = "chat-1234"
HOOK = "/hook-secret-2342"
"""A webhook: whoever knows its address may post."""


class NoWaits:
    """No host has asked for anything, and none is remembered."""

    def left(self, _url: str) -> float:
        return 0.0

    def record(self, _url: str, _seconds: float, _reason: str) -> None:
        pass


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class FakeBackend:
    """`answer` is what it does: a status, "hang" (it takes nothing and is silent), or "lose" (it
    takes the post, and closes without an answer); `fails` is the same by a body's `name`. Statuses
    come `delay` seconds late; an answer `says` this, too."""

    port: int = 0
    answer: int | str = 200
    fails: dict[str, int | str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    says: dict[str, Any] = field(default_factory=dict)
    delay: float = 0.0
    universe: object = None
    seen: list[Seen] = field(default_factory=list)
    accepted: dict[str, Seen] = field(default_factory=dict)
    repeated: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, request: Seen) -> None:
        """Accept a post."""
        key = request.headers.get("idempotency-key") or f"telegram {request.body.get('text')}"
        with self.lock:
            self.repeated += key in self.accepted
            self.accepted.setdefault(key, request)

    def bodies(self, path: str) -> list[Any]:
        """What was accepted at `path`, in order."""
        with self.lock:
            return [each.body for each in self.accepted.values() if each.path == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    backend: FakeBackend

    def do_GET(self) -> None:
        universe = self.backend.universe
        self._reply(404 if universe is None else 200, {} if universe is None else universe)

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Seen(self.path, headers, json.loads(self.rfile.read(length)))
        backend = self.backend
        with backend.lock:
            backend.seen.append(request)
        answer = backend.fails.get(request.body.get("name"), backend.answer)
        if isinstance(answer, str):
            if answer == "lose":
                backend.take(request)
            else:
                backend.released.wait()
            self.close_connection = True
            return
        telegram = self.path.startswith("/bot")
        key = TOKEN in self.path if telegram else headers.get("x-api-key") == KEY
        status = answer if key or self.path == HOOK else 401
        if 200 <= status < 300:
            backend.take(request)
        backend.released.wait(backend.delay)
        said = {"success": status < 300, "echo": headers.get("x-api-key", "")}
        self._reply(status, said | backend.says)

    def _reply(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in self.backend.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client may close early."""


@contextmanager
def serving() -> Iterator[FakeBackend]:
    """A backend on a free loopback port."""
    backend = FakeBackend()
    handler = type("Handler", (_Handler,), {"backend": backend})
    with _Server(("127.0.0.1", 0), handler) as server:
        backend.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield backend
        finally:
            backend.released.set()
            server.shutdown()
            thread.join()
