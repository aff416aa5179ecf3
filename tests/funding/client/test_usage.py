"""The REST budget and bans of a client whose store fails."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from funding.client.recorder import AddressBan
from funding.client.usage import CallUsage, SharedUsage
from funding.errors import StoreFull
from funding.model.ban import Ban, BanKind
from funding.model.event import Event, EventKind
from funding.model.mode import Mode
from funding.runtime.clock import SYSTEM
from harness.processes import until
from tests.support.api_and_ingest import World
from tests.support.clients import Clients, locked, usage
from tests.support.clock import ManualClock, rows, write

ADDRESS = "https://exchange.invalid"


class NoStore:
    """A recorder whose store fails; what it is given."""

    def __init__(self) -> None:
        self.rows: list[object] = []
        self.seconds: list[float] = []

    def ask(self, _work: object, seconds: float) -> None:
        self.seconds.append(seconds)
        raise StoreFull("x", "no space left on the disk")

    def add(self, rows: list[object]) -> None:
        self.rows += rows

    def complain(self, _error: object) -> None:
        pass


def banned(until: float) -> Ban:
    return Ban(until, BanKind.BANNED, 1, "too many")


def test_bans_that_cannot_be_stored_are_known_to_all_threads_of_the_client() -> None:
    recorder = NoStore()
    shared = SharedUsage(recorder)  # type: ignore[arg-type]
    one, other = (CallUsage(shared, lambda: 1.0) for _ in range(2))
    assert one.set_ban(ADDRESS, banned(100.0))
    assert not other.set_ban(ADDRESS, banned(100.5)), "the same one"
    assert other.ban(ADDRESS) == banned(100.0)
    event = Event(1.0, "x", EventKind.REST_PAUSE, "too many")
    assert not other.set_ban(ADDRESS, banned(100.0), event)
    assert other.set_ban(ADDRESS, banned(900.0), event)
    assert one.ban(ADDRESS) == banned(900.0)
    assert one.ban("https://another.invalid") is None
    one.lift_ban(ADDRESS, 899.0)
    assert one.ban(ADDRESS) is not None
    one.lift_ban(ADDRESS, 900.0)
    assert one.ban(ADDRESS) is None
    assert recorder.rows == [
        AddressBan(ADDRESS, banned(100.0), None), AddressBan(ADDRESS, banned(900.0), event)
    ]  # fmt: skip


def test_the_store_has_half_of_the_time_that_is_left() -> None:
    recorder, left = NoStore(), [1.0, 0.4]
    usage = CallUsage(SharedUsage(recorder), lambda: left.pop(0))  # type: ignore[arg-type]
    usage.ban(ADDRESS)
    usage.lift_ban(ADDRESS, 0.0)
    assert recorder.seconds == [0.5, 0.2]


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
    hand, calls = ManualClock(), world.exchange.calls()
    client = make("rest", hand.clock(), FUNDING_DB=tmp_path / "none.db", FUNDING_REST_WEIGHT=125)
    found = [client.get("BTCUSDT") for _ in range(15)]
    assert [each is not None for each in found] == [True] * 12 + [False] * 3
    assert client.get_all() == {}
    assert world.exchange.calls() == calls + 12
    assert "no more calls in this minute, since they cannot be counted" in caplog.text
    hand.advance(60)
    assert client.get_all() != {}


def test_the_allowance_is_part_of_what_the_group_has_left(
    world: World, make: Clients, database: Path
) -> None:
    """The store can be read while another process writes to it."""
    hand, calls = ManualClock(), world.exchange.calls()
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
