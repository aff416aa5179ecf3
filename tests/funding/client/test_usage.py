"""The REST budget and bans of a client whose store fails."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from funding.model.mode import Mode
from funding.runtime.clock import SYSTEM
from harness.processes import until
from tests.support.api_and_ingest import World
from tests.support.clients import Clients, locked, usage
from tests.support.clock import Hand, rows, write


def missing(_path: Path) -> None:
    pass


def rubbish(path: Path) -> None:
    path.write_bytes(b"Dear aunt,\n" * 1_000)


def foreign(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as other:
        other.execute("CREATE TABLE theirs (x)")


def damaged(path: Path) -> None:
    write(path, SYSTEM)
    ((page, size),) = rows(
        path, "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size"
        " WHERE name = 'rest_usage'"
    )  # fmt: skip
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


@pytest.mark.parametrize("broken", [missing, rubbish, foreign, damaged])
def test_without_a_store_rest_still_gives_values(
    world: World,
    make: Clients,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    broken: Callable[[Path], None],
) -> None:
    path = tmp_path / "broken.db"
    broken(path)
    before = path.read_bytes() if path.exists() else None
    client = make("rest", FUNDING_DB=path)
    for _ in range(3):
        found = client.get("BTCUSDT")
        assert found is not None
        assert found.source == "rest"
    assert sorted(client.get_all()) == sorted(world.symbols)
    (warning,) = [r.getMessage() for r in caplog.records]
    assert warning.startswith("cannot store calls and comparisons now; kept for later: ")
    assert str(path) in warning
    assert (path.read_bytes() if path.exists() else None) == before, "the client repairs nothing"


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_works_without_a_store(
    world: World, make: Clients, tmp_path: Path, mode: str
) -> None:
    client, calls = make(mode, FUNDING_DB=tmp_path / "none.db"), world.exchange.calls()
    found = client.get("BTCUSDT")
    assert found is not None
    assert found.source == ("rest" if mode == "rest" else "websocket")
    assert sorted(client.get_all()) == sorted(world.symbols)
    assert world.exchange.calls() == calls + 2, "without a GO, all compare"
    assert not (tmp_path / "none.db").exists()


def test_calls_that_cannot_be_counted_have_an_allowance(
    world: World, make: Clients, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A tenth, as if ten processes did the same."""
    hand, calls = Hand(), world.exchange.calls()
    client = make("rest", hand.clock(), FUNDING_DB=tmp_path / "none.db", FUNDING_REST_WEIGHT=125)
    found = [client.get("BTCUSDT") for _ in range(15)]
    assert [each is not None for each in found] == [True] * 12 + [False] * 3
    assert client.get_all() == {}
    assert world.exchange.calls() == calls + 12
    assert "no more calls in this minute, since they cannot be counted" in caplog.text
    hand.pass_seconds(60)
    assert client.get_all() != {}


def test_the_allowance_is_part_of_what_the_group_has_left(
    world: World, make: Clients, database: Path
) -> None:
    """The store can be read while another process writes to it."""
    hand, calls = Hand(), world.exchange.calls()
    client = make("rest", hand.clock(), FUNDING_REST_WEIGHT=100)
    for _ in range(6):
        assert client.get_all() != {}
    with locked(database):
        found = [client.get("BTCUSDT") for _ in range(8)]
    assert [each is not None for each in found] == [True] * 4 + [False] * 4
    assert world.exchange.calls() == calls + 10
    assert usage(database) == (6, 60)
    assert client.get("BTCUSDT") is not None
    until(lambda: usage(database) == (11, 65), "the calls that could not be counted are")


def test_a_ban_that_cannot_be_stored_holds_for_this_client(
    world: World, make: Clients, database: Path
) -> None:
    client = make("rest")
    with locked(database):
        with world.exchange.faults(rest_status=418, rest_retry_after=300):
            assert client.get("BTCUSDT") is None
        calls = world.exchange.calls()
        assert client.get("BTCUSDT") is None
        assert client.get_all() == {}
    assert rows(database, "SELECT * FROM rest_ban") == []
    client.close()
    assert len(rows(database, "SELECT * FROM rest_ban")) == 1, "the group has it in the end"
    assert client.get("BTCUSDT") is None
    assert world.exchange.calls() == calls
