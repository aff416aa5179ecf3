"""A TCP relay between ingest and the exchange, so that one of two connections can be broken."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PART = 65_536
_PACKET = 512


class Pipe:
    """One relayed connection: `freeze`, `reset` or `end` it."""

    def __init__(self, near: socket.socket, far: socket.socket, proxy: "Proxy") -> None:
        self._proxy = proxy
        self._near, self._far = near, far
        self._flowing = threading.Event()
        self._flowing.set()
        self.over = threading.Event()
        self.began = threading.Event()
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=self._relay, args=(source, target), daemon=True).start()

    def freeze(self) -> None:
        """From now on nothing passes, while both sides stay connected."""
        self._flowing.clear()

    def reset(self) -> None:
        """RST towards ingest."""
        linger = struct.pack("ii", 1, 0)
        with suppress(OSError):
            self._near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.end()

    def end(self) -> None:
        """Both sides are closed."""
        self.over.set()
        self._flowing.set()
        for each in (self._far, self._near):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RD)
            each.close()

    def _relay(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(_PART):
                self._flowing.wait()
                if self.over.is_set():
                    return
                if source is self._far:
                    self._hand_on(part)
                    self.began.set()
                else:
                    target.sendall(part)
            target.shutdown(socket.SHUT_WR)

    def _hand_on(self, part: bytes) -> None:
        """To ingest, at the link's pace; what waits fills the buffers of the kernel."""
        for start in range(0, len(part), _PACKET):
            packet = part[start : start + _PACKET]
            self._near.sendall(packet)
            if self._proxy.bytes_per_second:
                self.over.wait(len(packet) / self._proxy.bytes_per_second)


class Proxy:
    """Listens on `port`; `pipes` are the connections in the order they came. With
    `bytes_per_second` the link is slow."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.pipes: list[Pipe] = []
        self.bytes_per_second = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def open(self) -> list[Pipe]:
        """The connections that nobody has broken."""
        return [pipe for pipe in self.pipes if not pipe.over.is_set()]

    def close(self) -> None:
        """Relay no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for pipe in self.open:
            pipe.end()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self.pipes.append(Pipe(near, far, self))


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """A relay to the loopback port `target` while the block runs."""
    made = Proxy(target)
    try:
        yield made
    finally:
        made.close()
