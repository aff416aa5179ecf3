"""The settings of what travels between machines: a table beside the service's, since the addresses
may hold a password."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from funding.nats import addresses
from funding.nats.addresses import Address
from funding.nats.messages import LONGEST_TAKER
from funding.settings import consumers, environment, service
from funding.settings.secret import Secret
from funding.settings.table import Cast, Setting, read_table

URL = "FUNDING_NATS_URL"


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """Every setting of this room, read and checked. See `TABLE` for the meaning."""

    nats_url: Secret
    nats_replicas: int
    taker: str

    @property
    def servers(self) -> list[Address]:
        """The NATS servers; none: nothing is published."""
        return addresses.parse(self.nats_url.reveal()) if self.nats_url else []


def _servers(text: str) -> Secret:
    if text:
        addresses.parse(text)
    return Secret(text)


def _replicas(text: str) -> int:
    return {"1": 1, "3": 3, "5": 5}.get(text) or _refused()


def _taker(text: str) -> str:
    """A name that is not given is the host's."""
    name = text or socket.gethostname()[:LONGEST_TAKER]
    if not name.isprintable() or " " in name or not 0 < len(name) <= LONGEST_TAKER:
        _refused()
    return name


def _refused() -> int:
    raise ValueError


TABLE = (
    Setting(
        URL,
        Cast(
            _servers,
            "nats:// or tls:// addresses of servers, separated by commas, such as"
            " nats://user:password@host:4222",
            is_secret=True,
        ),
        "",
        "NATS servers to publish to; none: this machine publishes nothing",
    ),
    Setting(
        "FUNDING_NATS_REPLICAS",
        Cast(_replicas, "1, 3 or 5"),
        "1",
        "servers of the cluster that keep what is published; a cluster of three takes 3",
    ),
    Setting(
        "FUNDING_TAKER",
        Cast(_taker, f"a name of at most {LONGEST_TAKER} printable characters without blanks"),
        "",
        "what this machine is called beside others that publish; the host's name where it is empty",
    ),
)


def read(texts: Mapping[str, str]) -> MachineSettings:
    """The settings in `texts`; `SettingError` for the first that cannot be."""
    return MachineSettings(**read_table(TABLE, texts))


def load() -> MachineSettings:
    """`read` of this process's environment and of the settings file."""
    found = environment.texts(service.PATHS)
    consumers.check_secrets(found, {URL})
    return read(found.texts)
