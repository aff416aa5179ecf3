"""Everything that may go wrong on purpose.

    FundingError
    ├── SettingError         a value in the environment cannot be read: exit 2
    │   └── ThresholdError   a line of signals.toml
    ├── FrameError           a WebSocket message that is no market data at all: costs that frame
    ├── FeedConnectionError  the connection to the exchange
    │   ├── ConnectFailed    it never came up
    │   └── ConnectionLost   it was up and ended
    ├── RestError            the exchange's REST interface gave no answer that can be used
    │   ├── RestUnreachable  no answer at all, or not in time
    │   ├── RestRefused      an error of the exchange, with its code: asking again will not help
    │   ├── RestRestricted   403 or 451: this address may not ask; a pause for the group
    │   ├── RestBanned       429, 418 or a pause: no process of the group asks until it ends
    │   ├── RestOverBudget   our own budget of this minute is used up
    │   └── RestGarbled      an answer that is not of the documented form
    ├── NatsError            the NATS server
    │   ├── NatsAway         not connected, or no answer in time: ask again later
    │   ├── NatsRefused      it refused: a password, a permission, JetStream that is off
    │   ├── NatsConflict     a key has another revision than the one that was to be replaced
    │   ├── NatsDifferent    a bucket or stream exists with other settings than ours
    │   └── NatsGarbled      a message that is not of the documented form: costs that message
    ├── PostError            a backend gave no answer to what was sent to it
    ├── SupervisorError      supervisord does not answer, or refuses
    └── StoreError           the SQLite file
        ├── StoreMissing     not there yet: wait for ingest to make it
        ├── StoreOlder       of an older version: wait for ingest to upgrade it
        ├── StorePermission  there, but closed to this user
        ├── StoreInUse       another ingest writes to it: whoever is second ends
        ├── StoreForeign     something else: hands off
        │   └── StoreNewer   of a newer version of this service
        ├── StoreLocked      another process holds it
        ├── StoreFull        no space left
        └── StoreCorrupt     not readable as a database

The errors carry facts and format themselves, in one line without secrets. Anything that is not
one of these is a defect: it ends the process, and supervisord brings that back.
"""


class FundingError(Exception):
    """Base of the tree above."""


class SettingError(FundingError):
    """The setting `name` has the value `value`, which is not what was `expected`."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"{name}={value!r}: expected {expected}")
        self.name = name
        self.value = value
        self.expected = expected


class ThresholdError(SettingError):
    """Line `line` of `file`, the user's thresholds, is not what was `expected`."""

    def __init__(self, line: int, expected: str, file: str = "signals.toml") -> None:
        FundingError.__init__(self, f"{file}, line {line}: {expected}")
        self.name, self.value, self.expected = file, f"line {line}", expected
        self.line = line


class FrameError(FundingError):
    """A message that cannot be decoded; the text says why."""


class FeedConnectionError(FundingError):
    """The connection to the exchange.

    `kind` is one of ingest's `EndingKind`; `retry_after_seconds` is what the exchange asked for,
    or 0.
    """

    def __init__(self, kind: str, detail: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(detail)
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds


class ConnectFailed(FeedConnectionError):
    """No WebSocket came up: DNS, TCP, TLS or the handshake failed."""


class ConnectionLost(FeedConnectionError):
    """An open WebSocket ended: a close frame, a reset, or something that cannot be read."""


class RestError(FundingError):
    """The REST interface; `retry_after_seconds` is when asking again makes sense, 0 if unknown."""

    def __init__(self, detail: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class RestUnreachable(RestError):
    """No connection, or no whole answer in time."""


class RestRefused(RestError):
    """The exchange answered with HTTP `status` and, mostly, an error `code` of its own."""

    def __init__(self, status: int, code: int | None, message: str) -> None:
        super().__init__(f"status {status}, code {code}: {message}")
        self.status = status
        self.code = code


class RestRestricted(RestError):
    """403 (firewall) or 451 (restricted location): a person must look at it."""


class RestBanned(RestError):
    """429 or 418, or a pause that another process of the group has met."""


class RestOverBudget(RestError):
    """The call would exceed what this group allows itself in this minute."""


class RestGarbled(RestError):
    """The answer cannot be decoded."""


class NatsError(FundingError):
    """The NATS server."""


class NatsAway(NatsError):
    """There is no connection, or no answer in time."""


class NatsRefused(NatsError):
    """The server refused; asking again will not help before a person has looked at it."""


class NatsConflict(NatsError):
    """The key has another revision by now."""


class NatsDifferent(NatsError):
    """`name` exists on the server, and its settings are not those that this service gives it."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name


class NatsGarbled(NatsError):
    """The message under `name` cannot be used; `detail` says why."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"message under {name[:80]!r}: {detail}")


class PostError(FundingError):
    """A backend: no connection, or no whole answer in time. The text has no address and no key."""


class SupervisorError(FundingError):
    """supervisord cannot be reached, or refused: the text says which."""


class StoreError(FundingError):
    """The SQLite file at `path` cannot be used; `detail` says why."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


class StoreMissing(StoreError):
    """The file is not there yet, or has no tables or no quotes yet."""


class StoreOlder(StoreError):
    """The tables are those of an older version of this service."""


class StorePermission(StoreError):
    """This user may not read it, or not write it; the text says who may."""


class StoreForeign(StoreError):
    """Not a funding database, or one of another exchange host."""


class StoreNewer(StoreForeign):
    """The database of a newer version of this service."""


class StoreInUse(StoreError):
    """Another ingest writes to the same file, perhaps under another name."""


class StoreLocked(StoreError):
    """Another process has held the write lock for longer than the busy timeout."""


class StoreFull(StoreError):
    """The disk, or the quota, is full."""


class StoreCorrupt(StoreError):
    """The file is not readable as a database, or its pages contradict each other."""
