"""The values that the client returns."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from funding.client.service import ServiceQuote
from funding.model.feed import StoredQuote
from funding.model.quote import Quote, Source, annualized


@dataclass(frozen=True, slots=True)
class Funding:
    """One symbol's mark price and funding.

    Prices are in the quote currency, `index_price` is None where the exchange gives none.
    `funding_rate` is a fraction per funding interval (None: the
    contract has none), `next_funding_time` (None: no settlement is scheduled) and `event_time` are
    epoch ms of the exchange. `age_seconds` counts from our receipt for `websocket`, and from the
    exchange's own time for `rest`: that is REST's answer to this client, or a quote that the
    service took from REST while the stream was away.

    The other fields are what the service knows beside the quote; all are None where the quote does
    not come from the service. `status` is that of the contract; `interval_source` says who knows
    the funding interval; `annualized_rate` is a fraction per year, None without an interval;
    `z_score` is None for the reason in `z_reason`, `percentile` is 0 to 100.
    """

    symbol: str
    mark_price: float
    funding_rate: float | None
    next_funding_time: int | None
    index_price: float | None
    event_time: int
    source: Literal["websocket", "rest"]
    age_seconds: float
    exchange: str | None = None
    status: str | None = None
    funding_interval_hours: int | None = None
    interval_source: str | None = None
    annualized_rate: float | None = None
    z_score: float | None = None
    z_reason: str | None = None
    percentile: float | None = None
    zone: str | None = None


class Rate(NamedTuple):
    """A funding rate that is always a number; `missing` when that number says nothing."""

    value: float
    missing: bool


def rate_or_zero(found: Funding | None) -> Rate:
    """The funding rate of `found`, or the 0.0 that old backends expect, marked as missing."""
    if found is None or found.funding_rate is None:
        return Rate(0.0, missing=True)
    return Rate(found.funding_rate, missing=False)


def from_service(quote: StoredQuote) -> Funding:
    """A quote of the service."""
    return Funding(
        quote.symbol,
        quote.mark_price,
        quote.funding_rate,
        quote.next_funding_time,
        quote.index_price or None,
        quote.event_time,
        "rest" if quote.source is Source.REST else "websocket",
        quote.age_seconds,
        quote.exchange,
        quote.status,
        quote.funding_interval_hours,
        quote.interval_source,
        annualized(quote.funding_rate, quote.funding_interval_hours),
        quote.z_score,
        quote.z_reason,
        quote.percentile,
        quote.zone,
    )


def fresh(answer: ServiceQuote) -> Funding | None:
    """The quote in the service's answer, if that is fresh."""
    return from_service(answer.quote) if answer.fresh and answer.quote is not None else None


def from_rest(reply: Quote, now: float) -> Funding:
    """A reply of REST, at `now` Unix seconds; an exchange whose clock is ahead is of age 0."""
    return Funding(
        reply.symbol,
        reply.mark_price,
        reply.funding_rate,
        reply.next_funding_time,
        reply.index_price or None,
        reply.event_time,
        "rest",
        max(0.0, now - reply.event_time / 1000),
    )
