"""The older design's ingest: each message replaces the whole state, a JSON file, by a rename.

`python -m harness.bench.peers.older_ingest HOST:PORT FILE`
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from harness.bench.peers.heard import Heard, exchange


async def main() -> None:
    """For ever; the library connects again by itself."""
    path, heard = Path(sys.argv[2]), Heard()
    address = f"ws://{exchange()}/market/stream?streams=!markPrice@arr@1s"
    state: dict[str, Any] = {}
    async for connection in connect(address, max_size=None):
        try:
            async for message in connection:
                rows = json.loads(message)["data"]
                keep(state, rows)
                write(state, path)
                heard.rows(len(rows))
        except OSError as error:
            print(error, file=sys.stderr)


def keep(state: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """The rows as the API shows them."""
    now = time.time()
    for row in rows:
        if row.get("st", 1) == 1:
            state[row["s"]] = {
                "symbol": row["s"],
                "markPrice": float(row["p"]),
                "fundingRate": float(row["r"]) if row["T"] else None,
                "nextFundingTime": row["T"] or None,
                "indexPrice": float(row["i"]),
                "updatedAt": now,
                "eventTime": row["E"],
                "exchange": "binance",
            }


def write(state: dict[str, Any], path: Path) -> None:
    """Replace the whole state at once: a reader never sees half of it."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(state), "utf-8")
    os.replace(temporary, path)


if __name__ == "__main__":
    asyncio.run(main())
