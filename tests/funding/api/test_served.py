"""Which exchange is meant."""

from pathlib import Path

import pytest

from funding.api.served import Served, ServedExchange
from funding.health.verdict import Limits
from funding.store.reader import Reader
from tests.support.clock import ManualClock
from tests.support.store import feed_of, writing


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """Two exchanges in one database, which does not exist yet."""

    def one(name: str) -> ServedExchange:
        return ServedExchange(
            Reader(tmp_path / "x.db", name, ManualClock().clock()), Limits(180.0, 1)
        )

    return Served({name: one(name) for name in ("binance", "kucoin")})


def test_the_first_one_is_meant_where_none_is_named(served: Served) -> None:
    assert served.of(None).reader.exchange == "binance"
    assert served.of("kucoin").reader.exchange == "kucoin"


def test_all_of_them(served: Served) -> None:
    assert [each.reader.exchange for each in served.asked("*")] == ["binance", "kucoin"]
    assert [each.reader.exchange for each in served.asked("kucoin")] == ["kucoin"]
    assert [each.reader.exchange for each in served.asked(None)] == ["binance"]


def test_one_answer_has_one_address(served: Served, tmp_path: Path) -> None:
    assert served.address(None) == ""
    with writing(tmp_path / "x.db", feed_of("fstream.example")) as writer:
        writer.write(feed_of("fstream.example"))
        served.of(None).reader.feed()
        assert served.address(None) == served.address("binance") == "fstream.example"
        assert served.address("*") == served.address("kucoin") == ""


def test_parameters_name_the_exchanges(served: Served) -> None:
    assert served.one.expected == "binance or kucoin"
    assert served.many.expected == "binance, kucoin or *"
