"""The route of metrics, which are read from the store: all processes of the API tell the same, but
for what each knows of itself."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from funding.api import metric_families, metrics
from funding.api.exchange_routes import look
from funding.api.meter import Meter
from funding.api.metric_families import OfProcess
from funding.api.past_families import Past
from funding.api.responses import Response, text_reply
from funding.api.router import About, Route
from funding.api.served import Served
from funding.runtime import process
from funding.runtime.clock import Clock
from funding.store import metrics_reader, overview_reader
from funding.store.verdicts import last_verdicts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

KEPT_SECONDS = 1.0
PAST_SECONDS = 10.0
"""How long what is told of the past is kept: to read it takes up to some tenths of a second."""
HOUR, DAY = 3_600.0, 86_400.0


METRICS = About("Metrics for Prometheus.", media=metrics.CONTENT_TYPE)


class Process(NamedTuple):
    """This process: its name, and how long its answers took, by kind."""

    name: str
    meters: Mapping[str, Meter]


class MetricsRoutes:
    """Metrics of the `served` exchanges and of `of_process`. For one thread."""

    def __init__(self, served: Served, clock: Clock, of_process: Process) -> None:
        self._served = served
        self._clock = clock
        self._process = of_process
        self._body = float("-inf"), b""
        self._past: tuple[float, Past] | None = None

    def routes(self) -> list[Route]:
        """It has a fixed path."""
        return [Route("/metrics", self.metrics, (), METRICS, takes_long=True)]

    def metrics(self, _environ: "WSGIEnvironment") -> Response:
        """GET /metrics"""
        now = self._clock.uptime()
        if not 0 <= now - self._body[0] < KEPT_SECONDS:
            self._body = now, self._render(now)
        return text_reply(self._body[1], metrics.CONTENT_TYPE)

    def _render(self, now: float) -> bytes:
        names = self._served.names
        looks = {name: look(self._served.of(name), self._clock) for name in names}
        if self._past is None or not 0 <= now - self._past[0] < PAST_SECONDS:
            self._past = now, self._read_past()
        memory = process.memory_bytes(os.getpid())
        mine = OfProcess(self._process.name, memory, self._process.meters)
        stale_after = self._served.of(None).limits.stale_after
        found = metric_families.families(looks, stale_after, self._past[1], mine)
        return metrics.exposition(found)

    def _read_past(self) -> Past:
        reader, wall = self._served.of(None).reader, self._clock.wall()
        return Past(
            metrics_reader.compared(reader, wall - HOUR),
            metrics_reader.ends(reader, wall - DAY),
            [started for started, _ in overview_reader.starts(reader)],
            metrics_reader.rest_used(reader, wall),
            overview_reader.saved(reader, wall),
            last_verdicts(reader.rows),
            None if "outbox" in self._served.lacking else metrics_reader.waiting_posts(reader),
        )
