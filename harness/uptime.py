#!/usr/bin/env python3
"""Measures the share of the time in which fresh data is served while the stream is broken for a
part of it: `python -m harness.uptime`.

The whole group runs under supervisord against the stand-in exchange. At speed S ticks come S times
as often, and the settings that are seconds are an S-th of their defaults. A client asks for a
symbol of each class, and for the health, several times a second.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from harness.group import Group, tree
from harness.http_client import Answer, ask
from harness.soak.speed import Speed
from harness.stand_in import StandIn, stand_in

PROBE_SECONDS = 0.2
FAULTS: Sequence[dict[str, object]] = (
    {"silence": True},
    {"refuse": True, "abort": True},
    {"silence_classes": ["tradfi"]},
    {"handshake_hang": True, "half_open": True},
)
"""What breaks the stream, one after the other."""
SYMBOLS = ("BTCUSDT", "XAUUSDT")
"""One of each class."""


STANDBYS = "SELECT detail, duration_seconds FROM event WHERE kind = 'standby' ORDER BY id"
USAGE = (
    "SELECT coalesce(sum(calls), 0), coalesce(sum(weight), 0) FROM rest_usage"
    " WHERE caller = 'standby'"
)


class Outage(NamedTuple):
    """From `begin` to `end`, in seconds of the run."""

    begin: float
    end: float
    faults: dict[str, object]


def outages(seconds: float, share: float, count: int) -> list[Outage]:
    """`count` outages that last `share` of `seconds` together, evenly spread."""
    length, apart = seconds * share / count, seconds / count
    begins = (apart * (number + 0.5) - length / 2 for number in range(count))
    return [Outage(at, at + length, faults) for at, faults in zip(begins, cycle(FAULTS))]


@dataclass(slots=True)
class Seen:
    """What the client got: of how many probes, how each was answered, and the oldest quote."""

    probes: Counter[str] = field(default_factory=Counter)
    health: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    oldest: float = 0.0

    def quote(self, answer: Answer | None) -> None:
        """Of one symbol."""
        fresh = answer is not None and answer.status == 200
        self.probes["fresh" if fresh else "not"] += 1
        if answer is not None and fresh:
            self.sources[answer.json["source"]] += 1
            self.oldest = max(self.oldest, answer.json["ageSeconds"])

    def state(self, answer: Answer | None) -> None:
        """Of the health."""
        self.health[answer.json["status"] if answer is not None else "no answer"] += 1

    @property
    def fresh_pct(self) -> float:
        """Share of the probes that got a fresh quote, in percent."""
        return 100 * self.probes["fresh"] / max(1, self.probes.total())

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"fresh quotes: {self.fresh_pct:.3f} % of {self.probes.total()} answers"
        yield f"oldest quote served: {self.oldest:.1f} s"
        for name, counter in (("source", self.sources), ("health", self.health)):
            shares = (
                f"{key} {100 * n / counter.total():.1f} %" for key, n in counter.most_common()
            )
            yield f"{name}: {', '.join(shares)}"


def _asked(port: int, path: str) -> Answer | None:
    try:
        return ask(port, path, seconds=2.0)
    except OSError:
        return None


def watch(group: Group, exchange: StandIn, plan: Sequence[Outage], seconds: float) -> Seen:
    """Break the stream as planned, and ask meanwhile."""
    seen, waiting, active = Seen(), list(plan), list[Outage]()
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        while waiting and waiting[0].begin <= now:
            active.append(waiting.pop(0))
            exchange.fault(**active[-1].faults)
            print(f"{now:6.1f} s  {active[-1].faults}", flush=True)
        if active and active[0].end <= now:
            exchange.order("faults", "DELETE")
            active.clear()
            print(f"{now:6.1f} s  the stream is back", flush=True)
        for symbol in SYMBOLS:
            seen.quote(_asked(group.port, f"/funding/{symbol}"))
        seen.state(_asked(group.port, "/funding/health"))
        time.sleep(max(0.0, PROBE_SECONDS - (time.monotonic() - began - now)))
    return seen


def measure(seconds: float, plan: Sequence[Outage], speed: Speed, standby_after: float) -> Seen:
    """Everything from the first process to the last."""
    settings = speed.settings() | {"FUNDING_STANDBY_AFTER": standby_after}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fu-")))
        exchange = stack.enter_context(stand_in(folder, "--tick", speed.tick))
        group = Group(stack.enter_context(tree()), exchange, settings)
        group.start()
        stack.callback(group.stop)
        group.wait_until_healthy()
        seen = watch(group, exchange, plan, seconds)
        for detail, lasted in group.rows(STANDBYS):
            print(f"event: {detail}: {lasted or 0.0:.1f} s")
        ((calls, weight),) = group.rows(USAGE)
        print(f"REST as standby: {calls} calls, weight {weight}")
    return seen


def main() -> int:
    """0 where fresh quotes were served for as much of the time as is asked for, else 1."""
    parser = argparse.ArgumentParser(prog="python -m harness.uptime", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=15.0, help="how long (15)")
    add("--share", type=float, default=5.0, help="of the time the stream is broken, percent (5)")
    add("--outages", type=int, default=2, help="how many times (2)")
    add("--speed", type=float, default=10.0, help="ticks per second and class (10)")
    add("--goal", type=float, default=99.9, help="share of fresh answers, percent (99.9)")
    add("--without", action="store_true", help="REST does not stand in: for comparison")
    given = parser.parse_args()
    seconds, speed = given.minutes * 60, Speed(given.speed, few=True)
    plan = outages(seconds, given.share / 100, given.outages)
    after = 0.0 if given.without else 30.0 / given.speed
    seen = measure(seconds, plan, speed, after)
    print("\n".join(seen.lines()))
    return 0 if seen.fresh_pct > given.goal else 1


if __name__ == "__main__":
    sys.exit(main())
