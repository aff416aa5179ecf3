"""REST clients of one store, as the processes of a group have them, and replies of REST."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from funding import errors
from funding.rest.client import RestClient
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage
from tests.support.clock import ManualClock
from tests.support.http_script import Turn, reply, sends

PREMIUM = {
    "symbol": "BTCUSDT",
    "markPrice": "83067.30000000",
    "indexPrice": "83114.69956522",
    "estimatedSettlePrice": "83195.99445417",
    "lastFundingRate": "0.00000078",
    "interestRate": "0.00010000",
    "nextFundingTime": 1791388800000,
    "time": 1791382985000,
}
BODY = json.dumps(PREMIUM).encode()
ANSWER = sends(reply(body=BODY))
MINUTE = 1_764_725_610 // 60


def error(status: int, code: int, message: str, **headers: str) -> Turn:
    """A refusal in the exchange's words."""
    body = json.dumps({"code": code, "msg": message}).encode()
    return sends(reply(status, body, **headers))


def store(path: Path, statement: str, *bindings: Any) -> None:
    """Change the file without our code between."""
    connection = apsw.Connection(str(path))
    connection.execute(statement, bindings)
    connection.close()


class Group:
    """Clients of one store, each with a connection of its own, as processes have them."""

    def __init__(self, path: Path, hand: ManualClock) -> None:
        self.path, self.hand = path, hand
        self._connections: list[DurableConnection] = []

    def client(
        self,
        url: str,
        caller: str = "test",
        *,
        budget: int = 1_200,
        timeout: float | Callable[[], float] = 20.0,
    ) -> RestClient:
        self._connections.append(DurableConnection(self.path))
        usage = RestUsage(self._connections[-1])
        return RestClient(
            url, caller, usage=usage, budget=budget, clock=self.hand.clock(), timeout=timeout
        )

    def close(self) -> None:
        for each in self._connections:
            each.close()


def failure(ask: Callable[[], Any]) -> errors.RestError:
    """The error that `ask` ends with."""
    with pytest.raises(errors.RestError) as raised:
        ask()
    return raised.value
