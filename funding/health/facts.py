"""The facts of one moment, as the watchdog finds them out."""

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from funding.comparison.pair import Comparison
from funding.health.verdict import Health, Limits, judge
from funding.model.feed import Feed
from funding.model.verdict import Verdict

INGEST = "funding:ingest"
FIRST = "binance"
"""The exchange whose ingest is called INGEST. Where it is followed, its data decides about the
service's health."""
HISTORY = "funding:history"
PUBLISH = "funding:publish"
WATCHDOG = "funding:watchdog"
API_GROUP = "api:"
FULL_BYTES = 4 * 1024 * 1024
"""With less, a program may fail to write though not every block of the disk is taken."""


class ProcessState(enum.StrEnum):
    """The states of a program, as supervisord names them."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    STOPPING = "STOPPING"
    EXITED = "EXITED"
    FATAL = "FATAL"
    UNKNOWN = "UNKNOWN"


class Process(NamedTuple):
    """One program as supervisord describes it, with its age and resident memory while it runs.

    `began` is when its process started, in seconds since boot.
    """

    name: str
    state: ProcessState
    pid: int
    description: str = ""
    age_seconds: float = 0.0
    memory_bytes: int = 0
    began: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether its state is RUNNING."""
        return self.state is ProcessState.RUNNING

    @property
    def is_api(self) -> bool:
        """Whether it is one of the API's processes."""
        return self.name.startswith(API_GROUP)


class Probe(NamedTuple):
    """Whether the API answered a request in time; `detail` has the status or the error.

    `serves` is False where the answer is not what the store holds.
    """

    answered: bool
    detail: str
    serves: bool = True


def ingest_program(exchange: str) -> str:
    """The ingest program of `exchange`, as supervisord names it."""
    return INGEST if exchange == FIRST else f"{INGEST}-{exchange}"


class LockHolder(NamedTuple):
    """The process that keeps ingest from writing, and for how long each look has found it so."""

    pid: int
    seconds: float


class LastComparison(NamedTuple):
    """The result of the last comparison with REST: its rows, or the problem that prevented it.

    `reachable` is False where REST gave no answer at all: then the exchange may be down.
    `uptime` is the time of the comparison, in seconds since boot.
    """

    rows: Sequence[Comparison] = ()
    problem: str = ""
    reachable: bool = True
    uptime: float = 0.0


class OtherFeed(NamedTuple):
    """What is known of an exchange beside the first; ages in seconds, None where there is none.

    `fresh` symbols trade and have a fresh quote; fewer than `min_symbols` are too few. `answered`
    is how long ago its REST interface answered, `stated_wait` for how long the exchange has asked
    to be left alone. `program` is its ingest, "" where that of another exchange keeps it.
    """

    exchange: str
    min_symbols: int
    feed: Feed | None = None
    heartbeat_age: float | None = None
    last_frame_age: float | None = None
    newest: float | None = None
    fresh: int = 0
    stale: Sequence[str] = ()
    answered: float | None = None
    last_comparison: LastComparison | None = None
    stated_wait: float = 0.0
    program: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the watchdog knows after one look. Ages and durations are in seconds.

    `processes` is None where supervisord never answered; while it does not answer, those of its
    last answer that still run. `quote_ages` has every stored symbol that trades; `filled_in` names
    those whose quote is fresh and REST's, which stands in for the stream.
    `without_rate` names the symbols that have a next funding time but no rate. `port_probe` is the
    answer at the API's shared port, `process_probes` those of its processes by name. `locked_by`
    is the process that holds the store's write lock while ingest does not write, in words, and
    `lock_holder` the same where each look found it so. `stated_wait` is
    for how many more seconds the exchange has asked to be left alone. `unhealthy_since` (Unix
    seconds) is when the present unhealthy period of the data began. `clock_error` is by how much
    our wall clock is ahead of the exchange's, None where that is not known. `contracts_age` is how
    long ago the exchange was asked for its contracts, None before the first time. `others` are the
    feeds of other exchanges; all the rest is about `exchange`. `silences` is, by program, for how
    long one that says so has not said that all its threads turn; one that never did is not in it.
    `verdicts` are the last ones of reports, `undelivered` says which alerts and pings could not be
    sent, `unpublished` what waits for other machines; `at` is the time of the look (Unix seconds).
    """

    limits: Limits
    feed: Feed | None = None
    heartbeat_age: float | None = None
    last_frame_age: float | None = None
    quote_ages: Mapping[str, float] = field(default_factory=dict)
    filled_in: Collection[str] = ()
    without_rate: Sequence[str] = ()
    store_problem: str = ""
    locked_by: str = ""
    lock_holder: LockHolder | None = None
    stated_wait: float = 0.0
    unhealthy_since: float | None = None
    processes: Sequence[Process] | None = None
    supervisor_problem: str = ""
    port_probe: Probe | None = None
    process_probes: Mapping[str, Probe] = field(default_factory=dict)
    last_comparison: LastComparison | None = None
    comparison_age: float = 0.0
    wal_bytes: int = 0
    disk_free_bytes: int | None = None
    clock_step: float = 0.0
    clock_error: float | None = None
    contracts_age: float | None = None
    others: Sequence[OtherFeed] = ()
    silences: Mapping[str, float] = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()
    undelivered: Sequence[str] = ()
    unpublished: str = ""
    at: float = 0.0
    exchange: str = FIRST

    @property
    def ingest(self) -> str:
        """The ingest program of `exchange`."""
        return ingest_program(self.exchange)

    @property
    def disk_is_full(self) -> bool:
        """Whether there is no room for the next batches."""
        return self.disk_free_bytes is not None and self.disk_free_bytes < FULL_BYTES

    @property
    def data(self) -> Health:
        """The verdict on the data, as the API gives it."""
        return judge(
            self.feed,
            list(self.quote_ages.values()),
            self.limits,
            self.heartbeat_age,
            self.locked_by,
            filled_in=len(self.filled_in),
        )

    def other(self, program: str) -> OtherFeed | None:
        """The feed of the ingest `program`, where it is not that of the first exchange."""
        found = (each for each in self.others if each.program == program)
        return next(found, None)

    def process(self, name: str) -> Process | None:
        """The program `name`, if supervisord knows it."""
        return next((each for each in self.processes or () if each.name == name), None)
