"""The stand-in exchange with ingest and the API on it, all as processes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from funding.settings.service import Settings, read
from harness.http_client import ask
from harness.processes import free_port, running, until
from harness.stand_in import StandIn, stand_in


@dataclass(frozen=True)
class World:
    """An exchange, and a service that has all of its symbols."""

    exchange: StandIn
    database: Path
    api_port: int
    symbols: list[str]

    def environment(self, **changes: object) -> dict[str, object]:
        """The settings of a program that belongs to it."""
        return {
            "FUNDING_DB": self.database,
            "FUNDING_WS_URL": self.exchange.ws_url,
            "FUNDING_REST_URL": self.exchange.rest_url,
            "FUNDING_API_PORT": self.api_port,
            "FUNDING_STALE_AFTER": 60,
        } | changes

    def settings(self, **changes: object) -> Settings:
        """The same as values."""
        return read({name: str(value) for name, value in self.environment(**changes).items()})[0]


@contextmanager
def exchange_and_service(folder: Path, *options: str) -> Iterator[World]:
    """Such a world; `options` are those of the exchange."""
    with stand_in(folder, *options) as exchange:
        world = World(exchange, folder / "funding.db", free_port(), [])
        ingest, api = (
            running([sys.executable, name], folder / f"{name}.log", settings=world.environment())
            for name in ("ingest.py", "api.py")
        )
        with ingest, api:
            until(lambda: served(world.api_port) >= listed(exchange), "all symbols are served")
            # Within the first tick a symbol that has not come is not unknown yet.
            unknown = "/funding/NOSUCHUSDT"
            until(lambda: ask(world.api_port, unknown).status == 404, "the first tick is over")
            answer = ask(world.api_port, "/funding").json
            world.symbols.extend(row["symbol"] for row in answer["data"])
            yield world


def served(port: int) -> int:
    """How many quotes the API at `port` has; -1 while there is none."""
    try:
        answer = ask(port, "/funding")
    except OSError:
        return -1
    return int(answer.json["total"]) if answer.status == 200 else -1


def listed(exchange: StandIn) -> int:
    """How many symbols REST has."""
    return len(ask(exchange.port, "/fapi/v1/premiumIndex").json)
