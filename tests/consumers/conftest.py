"""The service and the backend that the consumers meet."""

from collections.abc import Iterator

import apsw
import pytest

from tests.support.api_and_ingest import World, exchange_and_service
from tests.support.fake_backend import FakeBackend, serving


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with exchange_and_service(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def far() -> Iterator[FakeBackend]:
    with serving() as made:
        made.universe = {"symbols": ["BTCUSDT", "ETHUSDT"]}
        yield made


@pytest.fixture(autouse=True)
def clean(world: World) -> Iterator[None]:
    """Nothing alerted or waiting yet, and all of the budget there."""
    world.exchange.forget_calls()
    connection = apsw.Connection(str(world.database))
    connection.set_busy_timeout(5_000)
    for table in ("alert", "outbox", "consumer", "open_interest", "open_interest_edge",
                  "universe", "rest_usage", "comparison"):  # fmt: skip
        connection.execute(f"DELETE FROM {table}")
    connection.close()
    yield
    world.exchange.order("faults", "DELETE")
