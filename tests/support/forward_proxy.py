"""A proxy at the far end of the wire: it knows every host by the loopback port it was given."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class ForwardProxy:
    """`asked` has the first lines of the requests, `heads` all of each head; `answers` is off for a
    proxy that is silent."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.target = target
        self.answers = True
        self.heads: list[str] = []

    @property
    def asked(self) -> list[str]:
        return [head.partition("\r\n")[0] for head in self.heads]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def forward_proxy(target: int) -> Iterator[ForwardProxy]:
    """A proxy on a loopback port while the block runs; whatever is asked of it goes to `target`."""
    stopping = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        rbufsize = 0  # what follows the head is not read ahead

        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            made.heads.append(head.decode())
            if not made.answers:
                stopping.wait()
                return
            with socket.create_connection(("127.0.0.1", made.target)) as far:
                if head.startswith(b"CONNECT "):
                    self.connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                else:
                    far.sendall(head)
                there = threading.Thread(target=pour, args=(self.connection, far), daemon=True)
                there.start()
                pour(far, self.connection)

    def pour(one: Any, other: Any) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = ForwardProxy(server.server_address[1], target)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
