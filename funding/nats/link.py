"""A connection to NATS that is made again for ever, in a thread with an asyncio loop of its own.

# Facts
(nats-py 2.16, read and tried)
- Its own reconnecting gives up after a wrong password, keeps what is published meanwhile, and goes
  on with consumers of a server that has lost them. Here each connection is a client of its own, and
  begins with everything that was asked for.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client

from funding.errors import NatsAway
from funding.nats.addresses import Address
from funding.nats.failures import reason, translate_errors
from funding.nats.opening import CLOSE_SECONDS, PING_SECONDS, dispose, open_client

log = logging.getLogger("nats")

T = TypeVar("T")
RETRY_SECONDS = 0.5
LOOK_SECONDS = 0.25
Begin = Callable[[Client], Awaitable[None]]


class Link:
    """The connection to the first of `addresses` that can be had.

    `changed` is called in the loop's thread whenever a connection begins or ends. An exception that
    is not a `NatsError`, in there or in a callback, is a defect: it ends the thread, and `check`
    raises it.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        name: str,
        changed: Callable[[], None] | None = None,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._addresses = list(addresses)
        random.shuffle(self._addresses)  # many readers spread over the servers
        self._name = name
        self._ping_seconds = ping_seconds
        self._changed = changed or (lambda: None)
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._failure: BaseException | None = None
        self._begins: list[Begin] = []
        self._tasks: dict[Begin, asyncio.Task[None]] = {}
        self._client: Client | None = None
        self._up = threading.Event()
        self._reasons: dict[Address, str] = {}
        self.problem = "not connected yet"
        self.address = ""
        self.connections = 0
        self._thread = threading.Thread(target=self._run, name="nats", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client is not None

    def wait_connected(self, seconds: float) -> bool:
        """Wait for a connection; whether there is one."""
        return self._up.wait(seconds)

    def check(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End the connection and the thread."""
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(CLOSE_SECONDS * 3)

    def call(self, work: Callable[[Client], Awaitable[T]], seconds: float) -> T:
        """What `work` gives with the present connection, within `seconds`. Raises `NatsError`s, and
        `NatsAway` where there is no connection."""
        self.check()
        if self._client is None or threading.current_thread() is self._thread:
            raise NatsAway(f"NATS: {self.problem}")
        future = asyncio.run_coroutine_threadsafe(self._within(work, seconds), self._loop)
        try:
            return future.result(seconds + CLOSE_SECONDS)
        except TimeoutError:
            future.cancel()
            raise NatsAway(f"NATS: no answer in {seconds:g} s") from None

    def keep(self, begin: Begin) -> Callable[[], None]:
        """Run `begin` with each connection, as a task that ends with it at the latest; what is
        returned ends that for good."""

        def start() -> None:
            self._begins.append(begin)
            if self._client is not None:
                self._start(begin, self._client)

        def end() -> None:
            if begin in self._begins:
                self._begins.remove(begin)
            task = self._tasks.pop(begin, None)
            if task is not None:
                task.cancel()

        self._soon(start)
        return lambda: self._soon(end)

    def fail(self, error: BaseException) -> None:
        """End the thread with `error`, from within it: see `check`."""
        self._failure = self._failure or error
        self._closing.set()

    def _soon(self, work: Callable[[], None]) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(work)

    async def _within(self, work: Callable[[Client], Awaitable[T]], seconds: float) -> T:
        client = self._client
        if client is None:
            raise NatsAway(f"NATS: {self.problem}")
        with translate_errors():
            return await asyncio.wait_for(work(client), seconds)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001 (raised again by `check`)
            self._failure = self._failure or error
        finally:
            self._client = None
            self._up.clear()
            self.problem = "closed"
            with suppress(Exception):
                self._loop.run_until_complete(self._cancel_all())
            self._loop.close()

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=CLOSE_SECONDS) if tasks else None

    async def _serve(self) -> None:
        self._loop.set_exception_handler(self._on_stray)
        tried = 0
        while not self._closing.is_set():
            address = self._addresses[0]
            opened = await open_client(address, self._name, self._ping_seconds)
            if isinstance(opened, str):
                self._note(address, opened)
            else:
                tried = 0
                await self._session(opened, address)
            # Not the same one first: one that is silent costs two seconds.
            self._addresses.append(self._addresses.pop(0))
            tried += 1
            if tried >= len(self._addresses):
                tried = 0
                await self._pause(RETRY_SECONDS * random.uniform(0.5, 1.5))

    def _note(self, address: Address, why: str) -> None:
        """Of several servers each has its own reason: the last one may be the least of them."""
        self._reasons[address] = why
        known = sorted(f"{each}: {text}" for each, text in self._reasons.items())
        self.problem = "; ".join(known)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    async def _session(self, client: Client, address: Address) -> None:
        self.address, self.problem = str(address), ""
        self._reasons.clear()
        self.connections += 1
        self._client = client
        self._up.set()
        self._changed()
        for begin in list(self._begins):
            self._start(begin, client)
        try:
            while client.is_connected and not self._closing.is_set():
                await self._pause(LOOK_SECONDS)
        finally:
            error = client.last_error
            self._note(address, reason(error) if error else "the connection ended")
            self._client = None
            self._up.clear()
            for task in self._tasks.values():
                task.cancel()
            self._tasks.clear()
            self._changed()
            await dispose(client)

    def _start(self, begin: Begin, client: Client) -> None:
        self._tasks[begin] = self._loop.create_task(self._guarded(begin, client))

    async def _guarded(self, begin: Begin, client: Client) -> None:
        try:
            await begin(client)
        except Exception as error:  # noqa: BLE001 (raised again by `check`)
            self.fail(error)

    def _on_stray(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What goes wrong in a task of the library that nobody waits for: mostly a socket that has
        ended, which the session sees too."""
        error = context.get("exception")
        if error is None or isinstance(error, (OSError, nats.errors.Error)):
            log.debug("%s: %s", context.get("message"), error)
        else:
            self.fail(error)
