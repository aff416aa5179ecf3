"""The bare work, without what makes it a service."""

import json
import threading
from pathlib import Path

import msgspec
import pytest

from harness.bench.contenders import api_alone, shared
from harness.bench.floors.bare_ingest import Message, opened, store
from harness.bench.frame_server import accept, listening
from harness.bench.prepared_frames import build
from harness.http_client import ask
from harness.processes import module, output, port_of, until


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A store of 1,000 symbols and 20 comparisons, and how long its frames took."""
    path = tmp_path_factory.mktemp("filled") / "funding.db"
    return path, json.loads(output(module("harness.bench.floors.fill", path, 1_000, 20), 60))


def test_a_filled_store_is_read(filled: tuple[Path, list[float]]) -> None:
    path, times = filled
    assert len(times) == 40
    measured = json.loads(output(module("harness.bench.floors.read", path, 0.03), 30))
    assert set(measured) == {"one", "batch", "all"}
    assert min(map(len, measured.values())) > 0


def test_the_api_serves_a_filled_store(filled: tuple[Path, list[float]], tmp_path: Path) -> None:
    with api_alone(tmp_path, filled[0]) as port:
        assert ask(port, "/funding").json["total"] == 1_000
        assert ask(port, "/funding/BTCUSDT").status == 200


def test_bare_ingest_stores_the_rows_of_a_frame(tmp_path: Path) -> None:
    connection = opened(tmp_path / "floor.db")
    decoder, frame = msgspec.json.Decoder(Message), build(main=40, tradfi=5)[1]
    assert store(connection, decoder, frame) == store(connection, decoder, frame) == 5
    assert connection.execute("SELECT count(*) FROM quote").get == 5
    connection.close()


def test_a_floor_in_memory_answers_what_it_received(tmp_path: Path) -> None:
    with listening() as server:
        command = module("harness.bench.floors.memory", f"ws://127.0.0.1:{port_of(server)}/")
        with shared(command, tmp_path / "memory.log", count=1) as port:
            client = accept(server)
            sending = threading.Thread(target=client.send, args=(build(main=40, tradfi=5)[0],))
            sending.start()
            until(lambda: ask(port, "/funding/BTCUSDT").json["eventTime"], "the frame is shown")
            assert ask(port, "/funding/BTCUSDT").json["markPrice"] > 0
            sending.join(10)
            client.close()
