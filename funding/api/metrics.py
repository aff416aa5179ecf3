"""Metrics as Prometheus reads them: families in, text out. The only importer of prometheus_client.

# Facts
(prometheus_client 0.26)
- The package's own counters live in the process that counts. A collector that yields families gives
  what it reads elsewhere, which is why all processes of the API can tell one truth.
- Counters are named `…_total` in the text, whether or not their family is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from math import inf
from typing import NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Kind(Enum):
    """What a number is: a state, a count that only grows while its program runs, or how many were
    at most so large, of all (`HISTOGRAM`) or of the last while (`GAUGE_HISTOGRAM`)."""

    GAUGE = GaugeMetricFamily
    COUNTER = CounterMetricFamily
    HISTOGRAM = HistogramMetricFamily
    GAUGE_HISTOGRAM = GaugeHistogramMetricFamily


class Buckets(NamedTuple):
    """(bound, how many were at most so large), the last bound infinite, and the sum of all."""

    below: Sequence[tuple[float, int]]
    total: float


class Family(NamedTuple):
    """One metric: its samples are (texts of `labels`, number or buckets), and None is left out."""

    kind: Kind
    name: str
    text: str
    labels: Sequence[str]
    samples: Iterable[tuple[Sequence[str], float | Buckets | None]]


def gauge(name: str, text: str, values: Mapping[str, float | None]) -> Family:
    """A state of each exchange, `values` by its name."""
    return of_exchanges(Kind.GAUGE, name, text, values)


def of_exchanges(kind: Kind, name: str, text: str, values: Mapping[str, float | None]) -> Family:
    """The metric `funding_<name>` of each exchange, `values` by its name."""
    samples = [
        ((exchange,), None if value is None else float(value)) for exchange, value in values.items()
    ]
    return Family(kind, f"funding_{name}", text, ["exchange"], samples)


class _Collector:
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks for it."""
        for each in self._families:
            family = each.kind.value(each.name, each.text, labels=each.labels)
            for texts, value in each.samples:
                if isinstance(value, Buckets):
                    below = [
                        ("+Inf" if bound == inf else f"{bound:g}", count)
                        for bound, count in value.below
                    ]
                    family.add_metric(texts, below, value.total)
                elif value is not None:
                    family.add_metric(texts, value)
            yield family


def exposition(families: Iterable[Family]) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(families))
    return bytes(generate_latest(registry))
