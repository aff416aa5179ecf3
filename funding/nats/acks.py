"""Many messages to JetStream at once, and the server's answer to each.

# Facts
(nats-py 2.16)
- Its `publish_async` waits for ever for a message that the server refuses: the error is raised in
  its own callback. Its `publish` takes 39 µs of CPU a message, and this 10 µs.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from funding.errors import NatsAway, NatsError, NatsRefused
from funding.nats.failures import NOBODY, of_code


class Outgoing(NamedTuple):
    """One message, with its headers."""

    subject: str
    body: bytes
    headers: Mapping[str, str]


class Ack(NamedTuple):
    """The server has stored it under this `sequence`, or had it already."""

    sequence: int
    duplicate: bool = False


class _Error(msgspec.Struct):
    code: int | None = None
    err_code: int | None = None
    description: str | None = None


class _Answer(msgspec.Struct):
    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


_answer = msgspec.json.Decoder(_Answer)


class Acks:
    """The messages of one connection that wait for an answer."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._sent = 0
        self._subscribed = False

    async def send(self, messages: Sequence[Outgoing], seconds: float) -> list[Ack | NatsError]:
        """Send `messages` in order; what became of each within `seconds`."""
        if not self._subscribed:
            self._subscribed = True
            await self._client.subscribe(f"{self._inbox}.*", cb=self._on_answer)
        loop = asyncio.get_running_loop()
        replies, futures = [], []
        for _ in messages:
            self._sent += 1
            reply = f"{self._inbox}.{self._sent}"
            future: asyncio.Future[Msg] = loop.create_future()
            self._waiting[reply] = future
            replies.append(reply)
            futures.append(future)
        try:
            async with asyncio.timeout(seconds):
                for message, reply in zip(messages, replies, strict=True):
                    await self._client.publish(
                        message.subject, message.body, reply=reply, headers=dict(message.headers)
                    )
                if futures:
                    await asyncio.wait(futures)
        except TimeoutError:
            pass  # what has no answer says so
        finally:
            for reply in replies:
                self._waiting.pop(reply, None)
        return [_outcome(future, seconds) for future in futures]

    async def _on_answer(self, message: Msg) -> None:
        future = self._waiting.pop(message.subject, None)
        if future is not None and not future.done():
            future.set_result(message)


def _outcome(future: "asyncio.Future[Msg]", seconds: float) -> Ack | NatsError:
    if not future.done():
        return NatsAway(f"NATS: no answer in {seconds:g} s")
    message = future.result()
    if message.headers and message.headers.get("Status"):
        return NatsAway(NOBODY)
    try:
        answer = _answer.decode(message.data)
    except msgspec.DecodeError:
        return NatsRefused("NATS: the answer is none of JetStream")
    if answer.error is not None:
        return of_code(answer.error.code, answer.error.err_code, answer.error.description)
    return Ack(answer.seq, answer.duplicate)
