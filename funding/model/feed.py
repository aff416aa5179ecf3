"""What the store keeps, as values: the feed row, and a quote read back."""

from dataclasses import dataclass

import msgspec

from funding.model.contract import ContractStatus
from funding.model.quote import Source


class StoredQuote(msgspec.Struct, frozen=True, gc=False):
    """One stored quote and its age in seconds, by a clock that does not step.

    `status` is that of its contract, None before the exchange was asked for its contracts.
    `interval_source` says who knows the interval, `z_reason` why there is no Z-score.
    """

    exchange: str
    symbol: str
    mark_price: float
    index_price: float
    funding_rate: float | None
    next_funding_time: int | None
    event_time: int
    updated_at: float
    age_seconds: float
    status: ContractStatus | None = None
    funding_interval_hours: int | None = None
    interval_source: str | None = None
    z_score: float | None = None
    z_reason: str | None = None
    percentile: float | None = None
    zone: str | None = None
    source: Source = Source.WEBSOCKET


LAG_SECONDS = 5.0
"""A stream that is later than this is not fresh, however often its frames come."""

CLOCK_DRIFT = 100e-6
"""How much faster or slower than another machine's a clock may run that nobody sets."""


@dataclass(slots=True)
class Feed:
    """The feed row: see schema.sql. What ingest keeps of its stream, and readers see of it."""

    exchange: str
    address: str
    pid: int
    boot_id: str
    started_at: float
    started_uptime: float
    heartbeat_at: float = 0.0
    heartbeat_uptime: float = 0.0
    connected: int = 0
    connections: int = 0
    connected_since: float | None = None
    last_connected_at: float | None = None
    last_frame_at: float | None = None
    last_frame_uptime: float | None = None
    last_event_time: int | None = None
    frames: int = 0
    accepted: int = 0
    repeated: int = 0
    rejected: int = 0
    malformed: int = 0
    ignored: int = 0
    reasons: str = "{}"
    reconnects: int = 0
    attempts_left: float = 15.0
    last_error: str | None = None
    last_error_at: float | None = None
    lag_seconds: float = 0.0
    good_since: float | None = None
    least_delay: float | None = None
    standby_since: float | None = None
    not_followed: str = "{}"
