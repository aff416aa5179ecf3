"""The server over its sockets: clients that are silent, too many, gone; descriptors; stopping."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from funding.api import server as module
from funding.api.server import Server
from harness.http_client import ask, connect, receive, to_the_end
from harness.processes import WAIT_SECONDS, until
from tests.conftest import free_port
from tests.support.http_server import (
    LARGE,
    Application,
    channels,
    lengths,
    port_of,
    request,
    serving,
)

# Clients that leave, are silent, or do not read


def test_a_client_that_leaves_before_its_answer_is_forgotten(
    server: Server, port: int, application: Application
) -> None:
    for _ in range(20):
        with connect(port) as client:
            client.sendall(request(f"/{LARGE}") * 2)
    until(lambda: len(application.asked) >= 20, "all were received")
    until(lambda: not channels(server), "none is left")
    assert ask(port, "/1").status == 200


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of silence is enough."""
    monkeypatch.setitem(module.SETTINGS, "channel_timeout", 1)
    monkeypatch.setitem(module.SETTINGS, "cleanup_interval", 0)
    monkeypatch.setattr(module, "IDLE_SECONDS", 1)
    monkeypatch.setattr(module, "TURN_SECONDS", 0.1)


@pytest.mark.parametrize("part", [b"", b"GET / HTTP/1.1\r\n"])
def test_an_idle_client_is_disconnected(
    impatient: None, application: Application, part: bytes
) -> None:
    with serving(application) as server, connect(port_of(server)) as silent:
        silent.sendall(part)
        assert to_the_end(silent) == b""


def test_idle_clients_have_half_a_minute() -> None:
    assert module.SETTINGS["channel_timeout"] == module.IDLE_SECONDS == 30


@pytest.mark.parametrize("count", [1, 2])
def test_a_client_that_never_reads_is_disconnected(
    impatient: None, application: Application, count: int
) -> None:
    with serving(application) as server, connect(port_of(server)) as deaf:
        deaf.sendall(request(f"/{LARGE}") * count)
        until(lambda: application.asked and not channels(server), "it is disconnected")
        assert len(to_the_end(deaf)) < LARGE


# Too many clients, too few descriptors


def ask_at(path: Path, what: bytes) -> bytes:
    """The body of an answer at the unix socket."""
    with socket.socket(socket.AF_UNIX) as watchdog:
        watchdog.settimeout(WAIT_SECONDS)
        watchdog.connect(str(path))
        watchdog.sendall(what)
        return receive(watchdog).body


def test_with_too_many_clients_the_next_waits_and_the_watchdog_does_not(
    application: Application, watchdog_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CLIENTS", 5)
    with serving(application, watchdog_socket) as server, ExitStack() as stack:
        port = port_of(server)
        clients = [stack.enter_context(connect(port)) for _ in range(5)]
        for client in clients:
            client.sendall(request("/1"))
            assert receive(client).status == 200
        waiting = stack.enter_context(connect(port))
        waiting.sendall(request("/2"))
        assert ask_at(watchdog_socket, request("/3")) == b"xxx"
        clients[0].sendall(request("/4"))
        assert receive(clients[0]).body == b"xxxx"
        waiting.setblocking(False)
        with pytest.raises(BlockingIOError):
            waiting.recv(1)
        waiting.settimeout(WAIT_SECONDS)
        clients.pop().close()
        assert receive(waiting).body == b"xx"


def test_the_log_says_seldom_that_there_are_too_many_clients(
    application: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_CLIENTS", 1)
    with serving(application) as server:
        for _ in range(20):
            assert ask(port_of(server), "/1").status == 200
    assert caplog.text.count("reached the connection limit") == 1


def test_fewer_descriptors_allow_fewer_clients(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (module.OTHER_DESCRIPTORS + 3, 0))
    with serving(application) as server, ExitStack() as stack:
        clients = [stack.enter_context(connect(port_of(server))) for _ in range(5)]
        for client in clients:
            client.sendall(request("/1"))
        until(lambda: len(channels(server)) == 3, "as many as there may be")
        for client in clients:
            assert receive(client).body == b"x"
            client.close()


@contextmanager
def one_descriptor_left() -> Iterator[None]:
    """For this process, until the block ends."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.dup(0)]
    most = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (most + 1, limits[1]))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for each in taken:
            os.close(each)


@pytest.mark.parametrize("at_watchdog_socket", [False, True])
def test_a_client_without_a_descriptor_for_it_waits(
    application: Application,
    watchdog_socket: Path,
    at_watchdog_socket: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        serving(application, watchdog_socket) as server,
        connect(port_of(server)) as first,
        ExitStack() as stack,
    ):
        first.sendall(request("/1"))
        assert receive(first).status == 200
        with one_descriptor_left():
            family = socket.AF_UNIX if at_watchdog_socket else socket.AF_INET
            second = stack.enter_context(socket.socket(family))
            second.settimeout(WAIT_SECONDS)
            at = str(watchdog_socket) if at_watchdog_socket else ("127.0.0.1", port_of(server))
            second.connect(at)
            until(lambda: "Too many open files" in caplog.text, "it is logged")
            for _ in range(20):
                first.sendall(request("/2"))
                assert receive(first).body == b"xx"
        second.sendall(request("/3"))
        assert receive(second).body == b"xxx"
    (record,) = (record for record in caplog.records if "accept()" in record.getMessage())
    assert not record.exc_info


# Stopping


def test_in_the_drain_answers_end_their_connections(application: Application) -> None:
    with serving(application) as server, connect(port_of(server)) as client:
        client.sendall(request("/1"))
        assert "connection" not in receive(client).headers
        server.stop()
        client.sendall(request("/1"))
        assert receive(client).headers["connection"] == "close"
        assert to_the_end(client) == b""


def test_an_idle_server_stops_at_once(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 3_600.0)
    with serving(application) as server:
        assert ask(port_of(server), "/1").status == 200
        until(lambda: not channels(server), "nobody is there")


def test_a_stop_that_comes_again_or_too_late_does_nothing(application: Application) -> None:
    with serving(application) as server:
        for _ in range(100_000):  # more than a pipe holds
            server.stop()
    server.stop()


def test_the_drain_waits_for_a_client_that_reads_slowly(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ON_THE_WAY_SECONDS", 0.0)
    with serving(application) as server, connect(port_of(server)) as client:
        client.sendall(request(f"/{LARGE}"))
        until(lambda: application.asked, "it is received")
        server.stop()
        assert lengths(client, 1) == [LARGE]


def test_a_client_is_refused_while_the_address_is_only_checked() -> None:
    """It would be reset when the check ends."""
    port = free_port()
    with module.listening_socket("127.0.0.1", port) as own:
        assert own.getsockname() == ("127.0.0.1", port)
        with pytest.raises(ConnectionRefusedError):
            connect(port)
