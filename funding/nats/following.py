"""What is read from JetStream as it comes: a bucket's values, a stream's messages.

# Facts
(nats-py 2.16, nats-server 2.9.10 and 2.15.1)
- Its ordered consumer notices a gap and begins again behind the last message that it has given;
  one that hears nothing for ten seconds, not even a heartbeat, does so too.
- It cannot begin again where it began by a time: the server refuses a number beside a time.
- A stream that was made again counts from 1: behind the last number of the old one nothing comes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api
from nats.js.kv import KeyValue

from funding.errors import NatsError
from funding.nats.failures import translate_errors
from funding.nats.places import Bucket, Entry

T = TypeVar("T")
log = logging.getLogger("nats")
ASK_SECONDS = 2.0
RETRY_SECONDS = 1.0
FORGET_SECONDS = 5
"""How long the server keeps what a watch had after its end; nats-py says five minutes."""
OPERATION = "KV-Operation"
DELETED = ("DEL", "PURGE")


class Delivery(NamedTuple):
    """One message of a stream; `stored_at` is when the server stored it, in Unix seconds."""

    subject: str
    body: bytes
    sequence: int
    stored_at: float
    message_id: str | None


@dataclass(slots=True)
class Position:
    """Where a stream is read from: behind `sequence`; where that is 0, from `since` (Unix seconds)
    on. It moves on with each message that was given. `made_at` is when that stream was made, 0: not
    known yet."""

    sequence: int = 0
    since: float = 0.0
    made_at: float = 0.0


async def watch(client: Client, bucket: str, callback: Callable[[Entry | None], None]) -> None:
    """Give `callback` every value of `bucket`, then None, then each change, until cancelled."""

    async def begin() -> KeyValue.KeyWatcher:
        values = await client.jetstream(timeout=ASK_SECONDS).key_value(bucket)
        return await values.watchall(inactive_threshold=FORGET_SECONDS)

    watcher = await _attempt(f"bucket {bucket}", begin)
    try:
        async for entry in watcher:
            callback(None if entry is None else _entry(entry))
    finally:
        # The server would go on sending, and the library receiving.
        with suppress(nats.errors.Error, OSError):
            await watcher.stop()  # type: ignore[no-untyped-call]


async def snapshot(client: Client, bucket: Bucket, keys: str, seconds: float) -> list[Entry]:
    """The values of `bucket` whose keys fit `keys`, with the deleted ones."""
    values = await client.jetstream(timeout=seconds).key_value(bucket.name)
    watcher, found = await values.watch(keys, inactive_threshold=FORGET_SECONDS), []
    try:
        async for entry in watcher:
            if entry is None:
                break
            found.append(_entry(entry))
    finally:
        await watcher.stop()  # type: ignore[no-untyped-call]
    return found


def _entry(entry: KeyValue.Entry) -> Entry:
    deleted = entry.operation in DELETED
    return Entry(entry.key, None if deleted else entry.value or b"", entry.revision or 0)


async def consume(
    client: Client,
    stream: str,
    subject: str,
    position: Position,
    callback: Callable[[Delivery], None],
) -> None:
    """Give `callback` what is stored in `stream` under `subject` behind `position`, in order, until
    cancelled."""

    async def begin() -> JetStreamContext.PushSubscription:
        jetstream = client.jetstream(timeout=ASK_SECONDS)
        await _settle(jetstream, stream, subject, position)
        start = _start(position.sequence)
        return await jetstream.subscribe(
            subject, stream=stream, ordered_consumer=True, config=start
        )

    subscription = await _attempt(f"stream {stream}", begin)
    async for message in subscription.messages:
        delivery = _delivery(message)
        callback(delivery)
        position.sequence = delivery.sequence


async def _settle(jetstream: JetStreamContext, stream: str, subject: str, to: Position) -> None:
    """Find the number where `to` begins, if only a time says so."""
    found = await jetstream.stream_info(stream)
    last, made_at = found.state.last_seq, found.created.timestamp() if found.created else 0.0
    # By now it may have more messages than the one before: its rows are sent again at once.
    if to.sequence > last or to.made_at not in (0.0, made_at):
        log.warning("stream %s was made again: it is read from its begin", stream)
        to.sequence, to.since = 0, 0.0
    to.made_at = made_at
    if to.sequence or not to.since:
        return
    config = api.ConsumerConfig(
        deliver_policy=api.DeliverPolicy.BY_START_TIME,
        opt_start_time=datetime.fromtimestamp(to.since, UTC),
        ack_policy=api.AckPolicy.NONE,
        inactive_threshold=ASK_SECONDS * 2,
        mem_storage=True,
        num_replicas=1,
    )
    asking = await jetstream.pull_subscribe(subject, stream=stream, config=config)
    try:
        (first,) = await asking.fetch(1, timeout=ASK_SECONDS / 2)
        to.sequence = first.metadata.sequence.stream - 1
    except nats.errors.TimeoutError:
        to.sequence = last
    finally:
        await asking.unsubscribe()


def _start(sequence: int) -> api.ConsumerConfig:
    if not sequence:
        return api.ConsumerConfig(deliver_policy=api.DeliverPolicy.ALL)
    return api.ConsumerConfig(
        deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=sequence + 1
    )


async def _attempt(name: str, begin: Callable[[], Awaitable[T]]) -> T:
    """What `begin` gives as soon as the server has it: a reader may be there before the writer."""
    told = ""
    while True:
        try:
            with translate_errors():
                return await begin()
        except NatsError as error:
            if told != str(error):
                told = str(error)
                log.info("%s is waited for: %s", name, error)
            await asyncio.sleep(RETRY_SECONDS)


def _delivery(message: Msg) -> Delivery:
    metadata = message.metadata
    headers = message.headers or {}
    return Delivery(
        message.subject,
        message.data,
        metadata.sequence.stream,
        metadata.timestamp.timestamp(),
        headers.get("Nats-Msg-Id"),
    )
