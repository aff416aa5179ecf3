"""Ingest alone against a source at a multiple of the stream's rate."""

import json
import sqlite3
import time
from pathlib import Path

from harness.bench import process_figures
from harness.bench.contenders import Checkout
from harness.processes import module, running

_REPLACED = 0.05  # a slow moment costs rows that the next frame replaces anyway
_BEHIND_SECONDS = 0.25  # a source blocked so long, or a last frame stored so late, is "behind"


def attempt(checkout: Checkout, folder: Path, multiple: float, seconds: float) -> str:
    """Empty when every row was stored in time, else what was wrong."""
    source = module("harness.bench.source", multiple, seconds)
    with running(source, folder / "source.log", piped=True, stdin=-1) as sending:
        assert sending.stdout is not None
        port = int(sending.stdout.readline())
        settings = {
            "FUNDING_DB": folder / "sustained.db",
            "FUNDING_WS_URL": f"ws://127.0.0.1:{port}/market/stream",
        }
        command = checkout.program("ingest.py")
        with running(command, folder / "ingest.log", settings=settings) as ingest:
            sent = json.loads(sending.stdout.readline())
            ended = time.monotonic()
            used = process_figures.cpu_seconds(ingest.pid)
            return _judged(folder / "sustained.db", sent, ended, used)


def _judged(database: Path, sent: dict[str, float], ended: float, used: float) -> str:
    reader = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
    accepted, last = 0, 0
    while time.monotonic() < ended + 2 and accepted < sent["rows"] and last < sent["event_time"]:
        accepted, last = reader.execute("SELECT accepted, last_event_time FROM feed").fetchone()
        time.sleep(0.01)
    late = time.monotonic() - ended
    reader.close()
    if accepted < sent["rows"] * (1 - _REPLACED):
        return f"{1 - accepted / sent['rows']:.1%} of the rows were replaced before the write"
    if sent["late_seconds"] > _BEHIND_SECONDS or late > _BEHIND_SECONDS:
        busy = f"source {sent['cpu']:.0%}, ingest {used / sent['elapsed']:.0%} of a core"
        return f"{max(sent['late_seconds'], late):.2f} s behind ({busy}, last {last})"
    return ""
