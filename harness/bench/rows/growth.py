"""Row 6: more symbols, a long history of comparisons, idle connections."""

import json
import socket
import statistics
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

from harness.bench.contenders import api_alone
from harness.bench.figures import OURS
from harness.bench.measuring import Run
from harness.processes import module, output

SIZES = (1_000, 10_000, 100_000)
IDLE = 64
_BATCH = "/funding/batch?symbols=" + ",".join(f"SYM{number:06d}USDT" for number in range(100))


def measure(run: Run) -> None:
    """A store of each size, filled by ours, asked through api.py alone."""
    medians: dict[int, dict[str, float]] = {}
    for size in SIZES:
        medians[size] = _store(run, f"{size:,} symbols", size, 0)
    for small, large in pairwise(SIZES):
        growth = medians[large]["bulk"] / medians[small]["bulk"]
        run.figures.single(6, f"bulk, {small:,} → {large:,} symbols", OURS, "×", growth)
    change = medians[SIZES[-1]]["one"] / medians[SIZES[0]]["one"]
    run.figures.single(6, "one, 100,000 ÷ 1,000 symbols", OURS, "×", change)
    count = int(run.pick(500_000, 10_000_000))
    full = _store(run, f"{count:,} comparisons", SIZES[0], count)
    for kind in ("one", "write"):
        change = full[kind] / medians[SIZES[0]][kind]
        run.figures.single(6, f"{kind}, comparisons ÷ none", OURS, "×", change)


def _store(run: Run, name: str, symbols: int, comparisons: int) -> dict[str, float]:
    folder = run.make_folder(f"grown-{symbols}-{comparisons}")
    database = folder / "grown.db"
    fill = module("harness.bench.floors.fill", database, symbols, comparisons)
    written = json.loads(output(fill, 900))
    run.figures.samples(6, f"write of 962 rows, {name}", OURS, "ms", written)
    medians = {"write": statistics.median(written)}
    with api_alone(folder, database) as port:
        for kind, target in (("one", "/funding/BTCUSDT"), ("batch", _BATCH), ("bulk", "/funding")):
            seconds = run.pick(0.3, 3) * (2 if kind == "bulk" else 1)
            times = run.load(port, [target], 1, seconds).ms
            run.figures.samples(6, f"{kind}, {name}", OURS, "ms", times)
            medians[kind] = statistics.median(times)
        if symbols == SIZES[0] and not comparisons:
            _idle(run, port)
    _remove(database)
    return medians


def _idle(run: Run, port: int) -> None:
    with ExitStack() as stack:
        for _ in range(IDLE):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            one.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            one.recv(4096)
        times = run.load(port, ["/funding/BTCUSDT"], 1, run.pick(0.5, 3)).ms
        run.figures.samples(6, f"one, {IDLE} idle connections", OURS, "ms", times)


def _remove(database: Path) -> None:
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
