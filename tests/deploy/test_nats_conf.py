"""deploy/nats.conf: the server takes it, and a reader can read and not write."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

import pytest

from funding.errors import NatsError
from funding.nats.addresses import parse
from funding.nats.connection import Append, Connection, Put
from funding.nats.following import Delivery, Position
from funding.nats.places import Bucket, Entry, Stream
from funding.nats.subjects import ASK
from harness import processes
from harness.processes import WAIT_SECONDS, free_port, until
from tests.conftest import ROOT
from tests.support.nats_server import binary

CONF = ROOT / "deploy" / "nats.conf"
PASSWORDS = {"TAKER_PASSWORD": "t", "READER_PASSWORD": "r", "ROUTE_PASSWORD": "o"}
BUCKET = Bucket("funding-quotes")
TRAIL = Stream("FUNDING-TRAIL", ("funding-trail.>",))


def test_the_server_takes_it() -> None:
    done = subprocess.run(
        [binary(), "-c", CONF, "-t"],
        env={**os.environ, **PASSWORDS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "is valid" in done.stdout + done.stderr


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Where a server listens that has all of the file except for the cluster."""
    chosen = free_port()
    text = CONF.read_text("utf-8").replace("/var/lib/nats", str(tmp_path / "jetstream"))
    text = text.replace("0.0.0.0:4222", f"127.0.0.1:{chosen}")
    head, _, tail = text.partition("cluster {")
    own = tmp_path / "nats.conf"
    own.write_text(head + tail.partition("\n}\n")[2])
    log = tmp_path / "nats.log"
    with processes.running([binary(), "-c", own], log, settings=PASSWORDS):
        yield chosen


def test_a_reader_reads_and_does_not_write(port: int) -> None:
    taker = Connection(parse(f"nats://taker:t@127.0.0.1:{port}"), "taker")
    reader = Connection(parse(f"nats://reader:r@127.0.0.1:{port}"), "reader")
    assert taker.wait_connected(WAIT_SECONDS), taker.problem
    assert reader.wait_connected(WAIT_SECONDS), reader.problem
    taker.ensure(BUCKET)
    taker.ensure(TRAIL)
    revision = taker.put(BUCKET, Put("x.A", b"1"))
    taker.append([Append("funding-trail.event.x", b"1", "1")])

    values: SimpleQueue[Entry | None] = SimpleQueue()
    reader.watch(BUCKET.name, values.put)
    assert values.get(timeout=WAIT_SECONDS) == Entry("x.A", b"1", revision)
    assert reader.get(BUCKET, "x.A") == Entry("x.A", b"1", revision)
    trail: SimpleQueue[Delivery] = SimpleQueue()
    reader.consume(TRAIL.name, "funding-trail.event.*", Position(since=1.0), trail.put)
    assert trail.get(timeout=WAIT_SECONDS).body == b"1"
    heard: SimpleQueue[bytes] = SimpleQueue()
    reader.subscribe("funding.*.*", lambda _subject, body: heard.put(body))
    reader.publish([("funding.x.A", b"of the reader")])

    def arrives() -> bool:
        taker.publish([("funding.x.A", b"of the taker")])
        return not heard.empty()

    until(arrives, "a quote")
    assert heard.get(timeout=WAIT_SECONDS) == b"of the taker"
    (refused,) = reader.put_many(BUCKET, [Put("x.A", b"of the reader")], 0.3)
    assert isinstance(refused, NatsError)
    kept = taker.get(BUCKET, "x.A")
    assert kept is not None
    assert kept.value == b"1"
    taker.answer(ASK, lambda question: question.upper())

    def answered() -> bytes:
        with suppress(NatsError):  # the taker's subscription may not be there yet
            return reader.request(ASK, b"history", WAIT_SECONDS)
        return b""

    assert until(answered, "an answer") == b"HISTORY"
    taker.close()
    reader.close()
