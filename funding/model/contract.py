"""A contract as the exchange lists it: what it is, and whether it trades."""

from enum import StrEnum
from typing import Literal, NamedTuple


class ContractStatus(StrEnum):
    """What may be expected of a contract; the words stand in the database."""

    TRADING = "TRADING"
    SETTLING = "SETTLING"  # its quotes go on, and its price and rate may stand still
    PENDING = "PENDING"  # listed, and not traded yet
    CLOSED = "CLOSED"
    UNKNOWN = "UNKNOWN"  # not listed, or in a state that we do not know


class Contract(NamedTuple):
    """One contract: the columns of the table `contract` (see schema.sql) in order.

    `base_asset` is canonical, `multiplier` how many of it the symbol names (1000 for 1000PEPE).
    `delivery_time` and `listed_time` are epoch ms; `rate_cap` and `rate_floor` are fractions per
    funding interval, `base_rate_hourly` is one per hour; `checked_at` and the times of changes are
    Unix seconds. From `next_interval_time` (epoch ms) on the interval is `next_interval_hours`, as
    the exchange has announced. None means that it is not known, or of a change that there is none.
    """

    exchange: str
    symbol: str
    status: ContractStatus
    contract_type: str | None
    base_asset: str
    quote_asset: str
    multiplier: float
    delivery_time: int | None
    funding_interval_hours: int | None
    interval_source: Literal["exchange", "settlements"] | None
    rate_cap: float | None
    rate_floor: float | None
    checked_at: float
    listed_time: int | None = None
    base_rate_hourly: float | None = None
    interval_changed_at: float | None = None
    base_changed_at: float | None = None
    next_interval_hours: int | None = None
    next_interval_time: int | None = None
