"""Sends the stream at a multiple of its rate: `python -m harness.bench.source MULTIPLE SECONDS`.

Prints its port; after the last frame one line of JSON with what it sent, how late it was at worst,
and its own share of a core: a source that is late or busy says nothing about its listener.
"""

import json
import sys
import time

from harness.bench.frame_server import accept, listening
from harness.bench.prepared_frames import build, rows_kept, stamped
from harness.processes import port_of


def main() -> None:
    """One client, one run."""
    multiple, seconds = float(sys.argv[1]), float(sys.argv[2])
    frames = build()
    kept = [rows_kept(frame) for frame in frames]
    with listening() as server:
        print(port_of(server), flush=True)
        client = accept(server)
    time.sleep(0.3)
    began, cpu = time.monotonic(), time.process_time()
    ticks = int(seconds * multiple)
    event_time = int(time.time() * 1000) - ticks * 1000
    worst = 0.0
    for number in range(2 * ticks):
        due = began + number / 2 / multiple
        time.sleep(max(0.0, due - time.monotonic()))
        event_time += 500
        client.send(stamped(frames[number % 2], event_time))
        worst = max(worst, time.monotonic() - due)
    elapsed = time.monotonic() - began
    sent = {
        "frames": 2 * ticks,
        "rows": ticks * sum(kept),
        "event_time": event_time,
        "late_seconds": worst,
        "elapsed": elapsed,
        "cpu": (time.process_time() - cpu) / elapsed,
    }
    print(json.dumps(sent), flush=True)
    sys.stdin.read()  # the connection stays until we are ended


if __name__ == "__main__":
    main()
