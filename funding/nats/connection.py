"""The NATS server, for threads: core messages, buckets and streams, each call with a deadline.

Callbacks are called in the connection's own thread: they must be quick, and must not call back into
it. What was subscribed, watched or consumed goes on by itself after a reconnect: a watch begins
again with every value, a consumer after the last message that it has given.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import NotFoundError

from funding.errors import NatsAway, NatsError
from funding.nats.acks import Ack, Acks, Outgoing
from funding.nats.addresses import Address
from funding.nats.following import (
    DELETED,
    OPERATION,
    Delivery,
    Position,
    consume,
    snapshot,
    watch,
)
from funding.nats.link import Link
from funding.nats.opening import PING_SECONDS
from funding.nats.places import Bucket, Entry, Stream, StreamState, ensure, state

SECONDS = 2.0
MESSAGE_ID = "Nats-Msg-Id"
QUEUE = "takers"
MOST_WAITING = 100
"""Requests; what comes beyond is dropped, and not answered."""
NO_MESSAGE = 10037
"""The server's number for a key that is not there; a stream that is not there has another."""
End = Callable[[], None]


class Put(NamedTuple):
    """A value for a key. `revision` is the one that it replaces, 0: there is none yet, None:
    whichever. A `value` of None deletes the key."""

    key: str
    value: bytes | None
    revision: int | None = None


class Append(NamedTuple):
    """A message for a stream, which keeps one of each `message_id` within its window."""

    subject: str
    body: bytes
    message_id: str


class Connection:
    """The connection to one of the servers at `addresses`, made again for ever; `name` is what the
    server shows of it.

    Every call raises `NatsAway` where there is no connection or no answer in time, and other
    `NatsError`s; what is no `NatsError` is a defect, in a callback too, and the next call or
    `check` raises it. `changed` is called whenever a connection begins or ends. Nothing is kept for
    later while there is none. A call without a deadline of its own has `seconds`; a server that
    does not answer for three times `ping_seconds` is given up.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        name: str,
        changed: Callable[[], None] | None = None,
        *,
        seconds: float = SECONDS,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._link = Link(addresses, name, changed, ping_seconds)
        self._seconds = seconds
        self._acks: tuple[Client, Acks] | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._link.connected

    @property
    def problem(self) -> str:
        """Why there is none, in words without credentials."""
        return self._link.problem

    @property
    def address(self) -> str:
        """The server of the present or the last connection, without credentials."""
        return self._link.address

    @property
    def connections(self) -> int:
        """How many there were so far. Another number means that something may have been missed."""
        return self._link.connections

    def wait_connected(self, seconds: float) -> bool:
        """Wait for a connection; whether there is one."""
        return self._link.wait_connected(seconds)

    def check(self) -> None:
        """Raise the defect that ended the connection's thread, if one did."""
        self._link.check()

    def close(self) -> None:
        """End it for good."""
        self._link.close()

    def publish(self, messages: Sequence[tuple[str, bytes]], seconds: float | None = None) -> None:
        """Send core messages, as (subject, body): who listens now receives them."""

        async def send(client: Client) -> None:
            for subject, body in messages:
                await client.publish(subject, body)

        self._link.call(send, seconds or self._seconds)

    def subscribe(self, subject: str, callback: Callable[[str, bytes], None]) -> End:
        """Give `callback` the subject and body of each message from now on; what is returned ends
        that."""

        async def begin(client: Client) -> None:
            async def given(message: Msg) -> None:
                try:
                    callback(message.subject, message.data)
                except Exception as error:  # noqa: BLE001 (raised again by `check`)
                    self._link.fail(error)

            await _until_cancelled(await client.subscribe(subject, cb=given))

        return self._link.keep(begin)

    def request(self, subject: str, body: bytes, seconds: float = SECONDS) -> bytes:
        """The body of the answer of one of those who `answer` there."""

        async def ask(client: Client) -> bytes:
            try:
                return (await client.request(subject, body, timeout=seconds)).data
            except nats.errors.NoRespondersError:
                raise NatsAway(f"NATS: nobody listens to {subject}") from None

        return self._link.call(ask, seconds)

    def answer(self, subject: str, callback: Callable[[bytes], bytes]) -> End:
        """Answer requests with what `callback` makes of them, in a thread of its own, one after the
        other; of several that answer one gets a request. What is returned ends that."""

        async def begin(client: Client) -> None:
            async def given(message: Msg) -> None:
                try:
                    found = await asyncio.to_thread(callback, message.data)
                except Exception as error:  # noqa: BLE001 (raised again by `check`)
                    self._link.fail(error)
                    return
                with suppress(nats.errors.Error, OSError):
                    await message.respond(found)

            subscription = await client.subscribe(
                subject, QUEUE, cb=given, pending_msgs_limit=MOST_WAITING
            )
            await _until_cancelled(subscription)

        return self._link.keep(begin)

    def ensure(self, place: Bucket | Stream, seconds: float | None = None) -> None:
        """Make the bucket or stream where it is missing. Raises `NatsDifferent` where there is
        another one of its name."""
        within = seconds or self._seconds
        self._link.call(lambda client: ensure(client, place, within), within)

    def state(self, stream: Stream, seconds: float | None = None) -> StreamState:
        """Which stream is there under this name, and how far it goes."""
        within = seconds or self._seconds
        return self._link.call(lambda client: state(client, stream, within), within)

    def get(self, bucket: Bucket, key: str, seconds: float | None = None) -> Entry | None:
        """What the bucket's leader has under `key`; None: nothing ever."""
        (found,) = self.get_many(bucket, [key], seconds)
        return found

    def get_many(
        self, bucket: Bucket, keys: Sequence[str], seconds: float | None = None
    ) -> list[Entry | None]:
        """The same for several keys at once; fails as a whole."""
        within = seconds or self._seconds

        async def ask(client: Client) -> list[Entry | None]:
            return await asyncio.gather(*(_last(client, bucket, key, within) for key in keys))

        return self._link.call(ask, within)

    def snapshot(
        self, bucket: Bucket, keys: str = ">", seconds: float | None = None
    ) -> list[Entry]:
        """All values of the bucket whose keys fit `keys`, with the deleted ones."""
        within = seconds or self._seconds
        return self._link.call(lambda client: snapshot(client, bucket, keys, within), within)

    def put(self, bucket: Bucket, put: Put, seconds: float | None = None) -> int:
        """Store a value; its revision. Raises `NatsConflict` where another one was replaced."""
        (outcome,) = self.put_many(bucket, [put], seconds)
        if isinstance(outcome, NatsError):
            raise outcome
        return outcome

    def put_many(
        self, bucket: Bucket, puts: Sequence[Put], seconds: float | None = None
    ) -> list[int | NatsError]:
        """Store values, all at once: for each its revision, or why it was not stored."""
        outcomes = self._send([_outgoing(bucket, put) for put in puts], seconds)
        return [each if isinstance(each, NatsError) else each.sequence for each in outcomes]

    def watch(self, bucket: str, callback: Callable[[Entry | None], None]) -> End:
        """Give `callback` every value of the bucket, then None, then each change; again after each
        reconnect; what is returned ends that."""
        return self._link.keep(lambda client: watch(client, bucket, callback))

    def append(
        self, messages: Sequence[Append], seconds: float | None = None
    ) -> list[Ack | NatsError]:
        """Store messages in the stream of their subjects, in order: for each its number, or why it
        was not stored."""
        return self._send(
            [Outgoing(each.subject, each.body, {MESSAGE_ID: each.message_id}) for each in messages],
            seconds,
        )

    def consume(
        self, stream: str, subject: str, start: Position, callback: Callable[[Delivery], None]
    ) -> End:
        """Give `callback` what is stored under `subject`, in order, from behind `start`, which
        moves on; what is returned ends that."""
        return self._link.keep(lambda client: consume(client, stream, subject, start, callback))

    def _send(self, messages: Sequence[Outgoing], seconds: float | None) -> list[Ack | NatsError]:
        within = seconds or self._seconds

        async def send(client: Client) -> list[Ack | NatsError]:
            if self._acks is None or self._acks[0] is not client:
                self._acks = client, Acks(client)
            return await self._acks[1].send(messages, within)

        # The deadline is that of the answers: each message that lacks one says so itself.
        return self._link.call(send, within + 1.0)


async def _last(client: Client, bucket: Bucket, key: str, seconds: float) -> Entry | None:
    try:
        message = await client.jsm(timeout=seconds).get_last_msg(bucket.stream, bucket.subject(key))
    except NotFoundError as error:
        if error.err_code == NO_MESSAGE:
            return None
        raise
    deleted = (message.headers or {}).get(OPERATION) in DELETED
    return Entry(key, None if deleted else message.data or b"", message.seq or 0)


async def _until_cancelled(subscription: Subscription) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        with suppress(nats.errors.Error, OSError):
            await subscription.unsubscribe()


def _outgoing(bucket: Bucket, put: Put) -> Outgoing:
    headers = {}
    if put.value is None:
        headers[OPERATION] = DELETED[0]
    if put.revision is not None:
        headers["Nats-Expected-Last-Subject-Sequence"] = str(put.revision)
    return Outgoing(bucket.subject(put.key), put.value or b"", headers)
