"""The older design's API: FastAPI on uvicorn, the JSON file read again when a second old.

`python -m harness.bench.peers.older_api FILE PORT`
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException

_CACHE_SECONDS = 1.0


class Older:
    """The routes over one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = 0.0
        self._state: dict[str, Any] = {}

    def state(self) -> dict[str, Any]:
        """Every quote, at most a second later than the file."""
        now = time.monotonic()
        if now - self._read_at >= _CACHE_SECONDS:
            self._state = json.loads(self._path.read_text("utf-8"))
            self._read_at = now
        return self._state

    async def one(self, symbol: str) -> dict[str, Any]:
        """GET /funding/{symbol}"""
        row = self.state().get(symbol.upper())
        if row is None:
            raise HTTPException(404, "unknown symbol")
        return self.aged(row)

    async def batch(self, symbols: str) -> dict[str, Any]:
        """GET /funding/batch?symbols=A,B"""
        state = self.state()
        asked = symbols.split(",")
        rows = [self.aged(state[each]) for each in asked if each in state]
        missing = [each for each in asked if each not in state]
        return {"data": rows, "found": len(rows), "total": len(asked), "missingSymbols": missing}

    async def all(self) -> dict[str, Any]:
        """GET /funding"""
        rows = [self.aged(row) for row in self.state().values()]
        return {"data": rows, "total": len(rows)}

    @staticmethod
    def aged(row: dict[str, Any]) -> dict[str, Any]:
        """A row with its age."""
        return {**row, "ageSeconds": round(time.time() - row["updatedAt"], 3)}


def main() -> None:
    """Until SIGTERM."""
    older, app = Older(Path(sys.argv[1])), FastAPI()
    app.add_api_route("/funding/batch", older.batch)
    app.add_api_route("/funding/{symbol}", older.one)
    app.add_api_route("/funding", older.all)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
