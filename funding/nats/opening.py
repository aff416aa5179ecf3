"""One client of the library, connected and disposed of.

# Facts
(nats-py 2.16, read and tried)
- Its `close` writes what is pending first, and waits for ever where nobody reads: closing has a
  deadline, after which the socket is dropped.
- `tls://` alone does not insist on TLS: the server's first line decides, and the password would go
  to whoever answers without. It asks for user and password at the moment at which it sends them.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

import nats.errors
from nats.aio.client import Client

from funding.errors import NatsRefused
from funding.nats.addresses import Address
from funding.nats.failures import reason
from funding.runtime.logs import Throttle

log = logging.getLogger("nats")

CONNECT_SECONDS = 2
CLOSE_SECONDS = 1.0
PING_SECONDS = 0.5
PINGS = 2
"""A server that does not answer is given up after 1.5 s: where a machine dies that was a taker and
a server at once, its readers look for another server first, and then hear the other taker."""
LOG_SECONDS = 10.0


async def open_client(address: Address, name: str, ping_seconds: float) -> Client | str:
    """A client that is connected to `address`, where it is shown as `name`; or why there is none,
    without credentials."""
    client, told = Client(), _Told(address)
    host = f"[{address.host}]" if ":" in address.host else address.host
    try:
        connecting = client.connect(
            [f"nats://{host}:{address.port}"],
            name=name,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=CONNECT_SECONDS,
            ping_interval=ping_seconds,  # type: ignore[arg-type]  # it sleeps so long
            max_outstanding_pings=PINGS,
            user=_asked(client, address, address.user),
            password=_asked(client, address, address.password),
            token=_asked(client, address, address.token),
            tls_hostname=address.host,
            error_cb=told.note,
        )
        await asyncio.wait_for(connecting, CONNECT_SECONDS + 0.5)
        _insist_on_tls(client, address)
    except Exception as error:  # noqa: BLE001 (whoever listens there may send anything)
        await dispose(client)
        return reason(told.first or error)
    told.connected = True
    return client


class _Told:
    """What the library says of one connection: the first of it is why there is none."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._throttle = Throttle(LOG_SECONDS)
        self.first: Exception | None = None
        self.connected = False

    async def note(self, error: Exception) -> None:
        """Called by the library."""
        self.first = self.first or error
        ends = isinstance(error, (OSError, nats.errors.StaleConnectionError))
        if self.connected and not ends and self._throttle(type(error).__name__, time.monotonic()):
            log.warning("%s: %s", self._address, reason(error))


def _asked(client: Client, address: Address, text: str | None) -> Callable[[], str] | None:
    """What gives the secret `text` at the moment at which it is sent."""

    def give() -> str:
        _insist_on_tls(client, address)
        return text or ""

    return None if text is None else give


def _insist_on_tls(client: Client, address: Address) -> None:
    if address.tls and not client._server_info.get("tls_required"):
        raise NatsRefused("the server does not offer TLS")


async def dispose(client: Client) -> None:
    """Close `client`, and drop its socket where that takes long."""
    transport = client._transport
    with suppress(Exception):
        await asyncio.wait_for(client.close(), CLOSE_SECONDS)
    writer = getattr(transport, "_io_writer", None)
    if writer is not None:
        writer.transport.abort()
