"""What publishing costs: CPU and bytes for each quote, beside ingest's in the same run."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from harness import tables
from harness.machines.scene import scene
from harness.machines.usage import Usage, programs

ALL_SYMBOLS = 900
"""Of the stand-in with all: 962 less those that have no price."""
WARM_SECONDS = 15.0


class Reckoning(NamedTuple):
    """What so many exchanges, symbols and readers would take, on paper."""

    quotes: float
    """A second, from the takers."""
    reader_mbit: float
    server_messages: float
    server_mbit: float
    """Of each server, sent to its readers and to the other servers."""


def reckon(
    exchanges: int, symbols: int, readers: int, *, servers: int = 3, quote_bytes: float
) -> Reckoning:
    """Each symbol has a quote a second; readers are spread evenly over the servers, and each wants
    every quote. `quote_bytes` is a quote on a reader's link, with all headers."""
    quotes = float(exchanges * symbols)
    mine = readers / servers
    copies = quotes * (mine + (servers - 1) / servers)
    mbit = 8 * quote_bytes / 1e6
    return Reckoning(quotes, quotes * mbit, copies, copies * mbit)


def measure(seconds: float, folder: Path, say: Callable[[str], None], server: Path | None) -> None:
    """One taker with all symbols, three servers, and one reader of each kind that is measured."""
    readers = ("raw", "client", "api")
    with scene(
        folder, say, server=server, readers=readers, takers=("taker1",), count=(),
        symbols=ALL_SYMBOLS, settings={},
    ) as made:  # fmt: skip
        time.sleep(WARM_SECONDS)
        machines = dict(made.network.machines)
        used, began = Usage(programs(made), machines), time.time()
        say(f"measuring for {seconds:g} s")
        time.sleep(seconds)
        cpu, links, took = used.cpu(), used.links(), used.seconds
        ended = time.time()
        raw = made.lines("raw")
    quotes = [e for e in raw if e["kind"] == "quote" and began <= e["at"] < ended]
    thousands = len(quotes) / 1_000
    body = sum(line["bytes"] for line in quotes) / len(quotes)
    say(f"{len(quotes):,} quotes in {took:.1f} s, {body:.0f} bytes of body each")
    ingest = cpu["taker1: funding:ingest"]
    rows = [
        (name, f"{each:.2f}", f"{100 * each / took:.2f}", f"{each / thousands:.4f}",
         f"{each / ingest:.2f}")
        for name, each in sorted(cpu.items())
    ]  # fmt: skip
    heads = ("program", "CPU, s", "% of a core", "s per 1,000 quotes", "of ingest's")
    print(tables.table(rows, heads, "github"))
    flows = [
        (name, f"{8e-6 * received / took:.2f}", f"{8e-6 * sent / took:.2f}",
         f"{received / len(quotes):.0f}", f"{sent / len(quotes):.0f}")
        for name, (received, sent) in links.items()
    ]  # fmt: skip
    heads = ("machine", "Mbit/s in", "out", "bytes in per quote", "out")
    print(tables.table(flows, heads, "github"))
    paper = reckon(4, 2_000, 100, quote_bytes=links["raw"][0] / len(quotes))
    print(
        f"4 exchanges × 2,000 symbols × 100 readers: {paper.quotes:,.0f} quotes/s;"
        f" {paper.reader_mbit:.0f} Mbit/s to each reader; each of 3 servers sends"
        f" {paper.server_messages:,.0f} messages/s, {paper.server_mbit:,.0f} Mbit/s"
    )
