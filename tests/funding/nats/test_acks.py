"""What becomes of messages whose answers are late, strange or missing."""

import asyncio

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from funding.errors import NatsAway, NatsRefused
from funding.nats.acks import Ack, Acks, Outgoing
from harness.processes import WAIT_SECONDS
from tests.support.nats_server import NatsServer


async def _asked(url: str, answers: dict[str, bytes], seconds: float) -> list[object]:
    """The outcome of a message to each subject of `answers`, where those are answered so."""
    client, far = Client(), Client()
    await client.connect([url])
    await far.connect([url])

    async def answer(message: Msg) -> None:
        if answers[message.subject]:
            await message.respond(answers[message.subject])

    async def ready(message: Msg) -> None:
        await message.respond(b"")

    for subject in answers:
        await far.subscribe(subject, cb=answer)
    await far.subscribe("acks.ready", cb=ready)
    # The server has all subscriptions when it passes this on. A flush of the library goes before.
    await far.request("acks.ready", timeout=WAIT_SECONDS)
    try:
        acks = Acks(client)
        sent = [Outgoing(subject, b"", {}) for subject in answers]
        found: list[object] = list(await acks.send(sent, seconds))
        assert not acks._waiting
        return found
    finally:
        await client.close()
        await far.close()


def test_answers(shared_server: NatsServer) -> None:
    answers = {
        "acks.good": b'{"stream": "S", "seq": 7}',
        "acks.known": b'{"stream": "S", "seq": 8, "duplicate": true}',
        "acks.rubbish": b"\xff{",
        "acks.refused": b'{"error": {"code": 400, "err_code": 10052, "description": "no"}}',
    }
    found = asyncio.run(_asked(shared_server.url, answers, WAIT_SECONDS))
    good, known, rubbish, refused = found
    assert good == Ack(7)
    assert known == Ack(8, duplicate=True)
    assert isinstance(rubbish, NatsRefused)
    assert isinstance(refused, NatsRefused)


def test_one_that_is_not_answered_in_time_says_so(shared_server: NatsServer) -> None:
    (silent,) = asyncio.run(_asked(shared_server.url, {"acks.silent": b""}, 0.2))
    assert isinstance(silent, NatsAway)
    assert "0.2 s" in str(silent)


def test_no_messages(shared_server: NatsServer) -> None:
    assert asyncio.run(_asked(shared_server.url, {}, WAIT_SECONDS)) == []


def test_nobody_listens(shared_server: NatsServer) -> None:
    async def ask() -> object:
        client = Client()
        await client.connect([shared_server.url])
        (outcome,) = await Acks(client).send([Outgoing("acks.nobody", b"", {})], 30.0)
        await client.close()
        return outcome

    outcome = asyncio.run(ask())
    assert isinstance(outcome, NatsAway)
    with pytest.raises(NatsAway, match="JetStream does not answer"):
        raise outcome
