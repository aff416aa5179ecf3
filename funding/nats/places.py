"""Buckets and streams: made where they are missing, and an error where they differ from ours."""

from dataclasses import dataclass
from typing import NamedTuple

from nats.aio.client import Client
from nats.js import api
from nats.js.errors import NotFoundError

from funding.errors import NatsDifferent

DAY_SECONDS = 86_400.0


class Entry(NamedTuple):
    """The last `value` of a key, None: it was deleted; its `revision` grows with each change of the
    bucket."""

    key: str
    value: bytes | None
    revision: int


class StreamState(NamedTuple):
    """Which stream it is, by when it was made (Unix seconds), and its last message's number."""

    made_at: float
    last: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """A key-value bucket with the last value of each key, on `replicas` servers."""

    name: str
    replicas: int = 1
    in_memory: bool = True

    @property
    def stream(self) -> str:
        """The stream that it is made of."""
        return f"KV_{self.name}"

    def subject(self, key: str) -> str:
        """Where a key is in that stream."""
        return f"$KV.{self.name}.{key}"

    def config(self) -> api.StreamConfig:
        """What the server is asked for: what `nats kv add` makes."""
        return api.StreamConfig(
            name=self.stream,
            subjects=[self.subject(">")],
            max_msgs_per_subject=1,
            storage=api.StorageType.MEMORY if self.in_memory else api.StorageType.FILE,
            num_replicas=self.replicas,
            discard=api.DiscardPolicy.NEW,
            duplicate_window=120,
            allow_rollup_hdrs=True,
            allow_direct=True,
            deny_delete=True,
        )


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream on disk, on `replicas` servers, which drops what is too old or too much."""

    name: str
    subjects: tuple[str, ...]
    replicas: int = 1
    max_age_seconds: float = 7 * DAY_SECONDS
    max_bytes: int = 1 << 30
    duplicate_seconds: float = 3_600.0

    def config(self) -> api.StreamConfig:
        """What the server is asked for."""
        return api.StreamConfig(
            name=self.name,
            subjects=list(self.subjects),
            storage=api.StorageType.FILE,
            num_replicas=self.replicas,
            max_age=self.max_age_seconds,
            max_bytes=self.max_bytes,
            discard=api.DiscardPolicy.OLD,
            duplicate_window=self.duplicate_seconds,
        )


_COMPARED = (
    *("subjects", "storage", "num_replicas", "max_msgs_per_subject", "max_age", "max_bytes"),
    "duplicate_window",
)


async def ensure(client: Client, place: Bucket | Stream, seconds: float) -> None:
    """Make `place` where it is missing. Raises `NatsDifferent` where it is something else."""
    wanted = place.config()
    manager = client.jsm(timeout=seconds)
    try:
        found = (await manager.stream_info(str(wanted.name))).config
    except NotFoundError:
        found = (await manager.add_stream(wanted)).config
    for name in _COMPARED:
        there, ours = getattr(found, name), getattr(wanted, name)
        if (there or 0) != (ours or 0) and not (_unlimited(there) and _unlimited(ours)):
            detail = f"{name} is {_shown(there)} on the server, and {_shown(ours)} here"
            raise NatsDifferent(place.name, detail)


async def state(client: Client, stream: Stream, seconds: float) -> StreamState:
    """What there is under the name of `stream`."""
    found = await client.jsm(timeout=seconds).stream_info(stream.name)
    return StreamState(found.created.timestamp() if found.created else 0.0, found.state.last_seq)


def _unlimited(value: object) -> bool:
    return value in (None, 0, -1)


def _shown(value: object) -> str:
    return str(getattr(value, "value", value))
