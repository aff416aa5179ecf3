"""Which metrics there are: of data, feeds and this process; past_families has the others."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from funding import __version__
from funding.api import past_families
from funding.api.exchange_routes import Look
from funding.api.meter import Meter
from funding.api.metrics import Buckets, Family, Kind, gauge, of_exchanges
from funding.api.past_families import Past
from funding.model.contract import ContractStatus
from funding.model.feed import Feed


class OfProcess(NamedTuple):
    """What only the process that answers knows: its name, memory, and durations by kind."""

    name: str
    memory_bytes: int
    meters: Mapping[str, Meter]


def families(
    looks: Mapping[str, Look], stale_after: float, past: Past, process: OfProcess
) -> list[Family]:
    """All metrics, `looks` by exchange."""
    return [
        *_of_data(looks, stale_after),
        *_of_feeds({name: look.feed for name, look in looks.items() if look.feed is not None}),
        *past_families.families(past),
        *_of_process(process),
    ]


def _of_data(looks: Mapping[str, Look], stale_after: float) -> list[Family]:
    symbols = Counter(
        (name, quote.status or ContractStatus.UNKNOWN, _freshness(quote.age_seconds, stale_after))
        for name, look in looks.items()
        for quote in look.quotes
    )
    newest = {
        name: max((quote.updated_at for quote in look.quotes), default=None)
        for name, look in looks.items()
    }
    serves = {name: float(look.health.serves) for name, look in looks.items()}
    healthy = {name: float(look.health.healthy) for name, look in looks.items()}
    return [
        gauge("data_fresh", "1 where the data is served, be it by REST", serves),
        gauge("data_healthy", "1 where nothing is said against the data", healthy),
        gauge("last_quote_timestamp_seconds", "When the newest quote was received", newest),
        Family(
            Kind.GAUGE,
            "funding_symbols",
            "Symbols with a quote, by the status of their contract",
            ["exchange", "status", "freshness"],
            [(key, float(count)) for key, count in sorted(symbols.items())],
        ),
    ]


def _freshness(age: float, stale_after: float) -> str:
    return "fresh" if age <= stale_after else "stale"


_FEED_GAUGES = {
    "feed_connected": "1 while connected to the stream",
    "feed_started_at": "When ingest was started",
    "feed_heartbeat_at": "When ingest wrote last",
    "feed_last_frame_at": "When a frame with a good row came last",
    "feed_lag_seconds": "By how much the stream is late",
    "feed_standby_since": "Since when REST stands in for the stream",
}
_FEED_COUNTERS = {
    "feed_frames": "Messages received since ingest was started",
    "feed_accepted": "Rows stored since ingest was started",
    "feed_repeated": "Good rows that were not newer than what was stored",
    "feed_malformed": "Messages that could not be read",
    "feed_reconnects": "Connection attempts after the first, since ingest was started",
}

_FEED_REASONS = {
    "rejected": "Rows that were not valid, since ingest was started",
    "ignored": "Messages and rows that are not quotes, since ingest was started",
}


def _of_feeds(feeds: Mapping[str, Feed]) -> list[Family]:
    found = []
    for kind, table in ((Kind.GAUGE, _FEED_GAUGES), (Kind.COUNTER, _FEED_COUNTERS)):
        for name, text in table.items():
            values = {
                exchange: getattr(feed, name.removeprefix("feed_"))
                for exchange, feed in feeds.items()
            }
            found.append(of_exchanges(kind, _in_seconds(name), text, values))
    labels = ["exchange", "reason"]
    for name, text in _FEED_REASONS.items():
        counts = [
            ((exchange, reason), float(count))
            for exchange, feed in feeds.items()
            for reason, count in _reasons(feed).get(name, {}).items()
        ]
        found.append(Family(Kind.COUNTER, f"funding_feed_{name}", text, labels, counts))
    return found


def _reasons(feed: Feed) -> dict[str, dict[str, int]]:
    return msgspec.json.decode(feed.reasons, type=dict[str, dict[str, int]])


def _in_seconds(name: str) -> str:
    """The name of a column that is a time, as Prometheus has them."""
    for end in ("_at", "_since"):
        if name.endswith(end):
            return f"{name.removesuffix('_at')}_timestamp_seconds"
    return name


def _of_process(process: OfProcess) -> list[Family]:
    durations = [
        ((process.name, kind), Buckets(meter.cumulative(), meter.total))
        for kind, meter in process.meters.items()
    ]
    memory = float(process.memory_bytes)
    return [
        Family(
            Kind.HISTOGRAM,
            "funding_api_duration_seconds",
            "How long the process that answers has taken for its answers",
            ["process", "answers"],
            durations,
        ),
        Family(
            Kind.GAUGE,
            "funding_api_memory_bytes",
            "Resident memory of the process that answers",
            ["process"],
            [((process.name,), memory)],
        ),
        Family(
            Kind.GAUGE,
            "funding_version",
            "The version, as a label",
            ["version"],
            [((__version__,), 1.0)],
        ),
    ]
