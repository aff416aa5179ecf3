"""Passwords, tokens, TLS, and what is no server."""

import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from funding.nats.addresses import parse
from funding.nats.connection import Connection
from harness.processes import WAIT_SECONDS, free_port, until
from tests.support.nats_server import serving


def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--user", "u", "--pass", "right") as server:
        wrong = parse(f"nats://u:wr0ng@127.0.0.1:{server.port}")
        connection = Connection(wrong, "test")
        until(lambda: "Authorization" in connection.problem, "the refusal")
        assert "wr0ng" not in connection.problem
        assert not connection.connected
        connection.close()
        right = Connection(parse(f"nats://u:right@127.0.0.1:{server.port}"), "test")
        assert right.wait_connected(WAIT_SECONDS)
        right.close()


def test_of_several_servers_each_has_its_reason(tmp_path: Path) -> None:
    """One that is away does not hide that the other one refuses the password."""
    with serving(tmp_path, "--user", "u", "--pass", "right") as server:
        away = free_port()
        url = f"nats://u:wr0ng@127.0.0.1:{server.port},nats://u:wr0ng@127.0.0.1:{away}"
        connection = Connection(parse(url), "test")

        def both() -> bool:
            told = connection.problem
            return f":{server.port}: Authorization" in told and f":{away}: [Errno" in told

        until(both, "both")
        assert "wr0ng" not in connection.problem
        connection.close()


def test_a_password_that_has_to_be_encoded(tmp_path: Path) -> None:
    with serving(tmp_path, "--user", "u", "--pass", "a@b,c") as server:
        connection = Connection(parse(f"nats://u:a%40b%2Cc@127.0.0.1:{server.port}"), "test")
        assert connection.wait_connected(WAIT_SECONDS), connection.problem
        connection.close()


def test_a_token(tmp_path: Path) -> None:
    with serving(tmp_path, "--auth", "tok3n") as server:
        connection = Connection(parse(f"nats://tok3n@127.0.0.1:{server.port}"), "test")
        assert connection.wait_connected(WAIT_SECONDS), connection.problem
        connection.close()


def test_nothing_secret_goes_to_a_server_without_tls() -> None:
    """A server that answers in plain text to who asked for TLS gets no password."""
    received: SimpleQueue[bytes] = SimpleQueue()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.sendall(b'INFO {"auth_required": true, "max_payload": 1048576}\r\n')
                caller.settimeout(WAIT_SECONDS)
                received.put(caller.recv(4096))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        connection = Connection(parse(f"tls://u:s3cr3t@127.0.0.1:{port}"), "test")
        assert b"s3cr3t" not in received.get(timeout=WAIT_SECONDS)
        until(lambda: "does not offer TLS" in connection.problem, "the refusal")
        connection.close()
        thread.join(WAIT_SECONDS)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    options = ["--tls", "--tlscert", str(certificate), "--tlskey", str(key)]
    with serving(tmp_path, *options) as server:
        address = parse(f"tls://127.0.0.1:{server.port}")
        connection = Connection(address, "test")
        until(lambda: "certificate" in connection.problem.lower(), "the refusal")
        connection.close()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ssl.get_default_verify_paths().cafile == str(certificate)
        trusting = Connection(address, "test")
        assert trusting.wait_connected(WAIT_SECONDS), trusting.problem
        trusting.publish([("tls", b"")])
        trusting.close()


def test_rubbish_is_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            for line in (
                b"",
                b"HTTP/1.1 400 Bad Request\r\n\r\n",
                b"INFO {\r\n",
                b"INFO []\r\n",
                b"\0" * 70_000,
            ):
                caller, _ = listener.accept()
                caller.sendall(line)
                caller.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        connection = Connection(parse(f"nats://127.0.0.1:{port}"), "test")
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
        assert not connection.connected
        connection.check()
        connection.close()
