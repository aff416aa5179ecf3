"""The audit trail: what happened to the programs, their connections and the store."""

from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """What an event is about; the words stand in the database."""

    # A program
    START = "start"
    STOP = "stop"
    CRASH = "crash"
    REPLACED = "replaced"
    RECOVERED = "recovered"
    # How the service was: with the time that it lasted
    UNHEALTHY = "unhealthy"  # rule 'data' or 'api'
    UNOBSERVED = "unobserved"  # nobody looked: the watchdog was away
    LOCKED = "locked"  # another process held the store's write lock
    # What the watchdog did about one, or puts off
    RESTART = "restart"
    KILL = "kill"
    WAITING = "waiting"
    # A connection to the stream
    CONNECT = "connect"
    CONNECT_FAILED = "connect-failed"
    DISCONNECT = "disconnect"
    STALL = "stall"
    CLASS_SILENT = "class-silent"
    ROTATION = "rotation"
    NOTICE = "notice"
    ENDING = "ending"
    # The data
    BEHIND = "behind"
    LAG = "lag"
    # The contracts that the exchange lists
    CONTRACT = "contract"  # of another status than before
    LISTED = "listed"
    DELISTED = "delisted"
    DELIVERY_SOON = "delivery-soon"
    INTERVAL_CHANGED = "interval-changed"
    INTERVAL_ANNOUNCED = "interval-announced"  # the exchange says that it will be another
    RATE_BEYOND_CAP = "rate-beyond-cap"  # more per hour than the exchange may charge
    # Settled rates, bars, and REST as standby
    MISSED_SETTLEMENT = "missed-settlement"
    MISSING_BAR = "missing-bar"
    STANDBY = "standby"  # with the time that it lasted
    # Quotes
    WRONG_SYMBOL = "wrong-symbol"
    RETIRED = "retired"
    SIGNIFICANT = "significant"
    CONTROL_MISSED = "control-missed"
    # The machine, and the exchange's REST interface
    CLOCK = "clock"  # the wall clock is wrong
    CLOCK_STEP = "clock-step"
    DATABASE_DAMAGED = "database-damaged"
    HEARTBEAT_REFUSED = "heartbeat-refused"  # the pings' address: with the time that it lasted
    REST_PAUSE = "rest-pause"
    LEADER = "leader"  # this machine publishes an exchange, or does so no more
    TRAIL_GAP = "trail-gap"  # rows were not sent to other machines, or are sent again
    REST_UNAVAILABLE = "rest-unavailable"  # it answers no comparison: with the time that it lasted


def ingest_source(exchange: str) -> str:
    """The source of the events of the ingest of `exchange`."""
    return "ingest" if exchange == "binance" else f"ingest-{exchange}"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the audit trail, at `at` Unix seconds.

    `detail` is for people. What a program must know of it later is in `program` and `rule`: the
    process that was acted upon, and the rule that asked for it; of a significant difference the
    exchange, and the cause. `duration_seconds` is None for an
    instant, and for what is not over yet; `count` is how often it happened.
    """

    at: float
    source: str
    kind: EventKind
    detail: str
    program: str | None = None
    rule: str | None = None
    duration_seconds: float | None = None
    count: int = 1
