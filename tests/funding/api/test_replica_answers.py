"""What the API of another host answers: what does not travel is refused, and a link that is broken
is said."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from funding.api.served import Served
from funding.errors import NatsAway
from funding.nats.asking import Answer
from funding.store.replica_file import LACKING
from tests.support.api_world import BTC, LIMITS, World, plain
from tests.support.wsgi import ask

BROKEN = "NATS cannot be read (nats://db:4222: refused), and so no taker of binance"


@dataclasses.dataclass
class Replica(World):
    """A world whose database is a replica; `link` is what is wrong with the way to it."""

    link: str = ""
    elsewhere: Callable[[str], Answer] | None = None

    def served(self, limits: Any = LIMITS) -> Served:
        world = super().served(limits)
        exchanges = {name: world.of(name)._replace(link=lambda: self.link) for name in world.names}
        return Served(exchanges, LACKING, self.elsewhere)


@pytest.fixture
def replica(bare: World) -> Any:
    made = Replica(bare.path)
    made.begin()
    made.connect()
    made.frame(BTC)
    yield made
    made.writer.close()


@pytest.mark.parametrize(
    "path",
    ["/funding/BTCUSDT/history", "/funding/BTCUSDT/bars?period=3600", "/funding/NONE/history"],
)
def test_what_does_not_travel_is_refused_in_words(replica: Replica, path: str) -> None:
    """An empty table would say that there was nothing."""
    answer = ask(replica.app(), path)
    plain(answer)
    assert answer.status == 501
    assert answer.json["error"] == "not served here"
    (reason,) = answer.json["reasons"]
    assert reason == "settled rates and bars are a taker's"


def test_what_does_not_travel_is_answered_elsewhere(replica: Replica) -> None:
    asked = []

    def elsewhere(path: str) -> Answer:
        asked.append(path)
        return Answer(404, "text/csv", b"a,b")

    replica.elsewhere = elsewhere
    answer = ask(replica.app(), "/funding/币USDT/bars?period=3600&format=csv")
    assert (answer.status, answer.headers["content-type"], answer.body) == (404, "text/csv", b"a,b")
    assert ask(replica.app(), "/funding/A%25/history").status == 404
    assert ask(replica.app(), "/funding/A/history?exchange=binance").status == 404
    assert asked == [
        "/funding/%E5%B8%81USDT/bars?period=3600&format=csv&exchange=binance",
        "/funding/A%25/history?exchange=binance",
        "/funding/A/history?exchange=binance",
    ]
    assert ask(replica.app(), "/funding/BTCUSDT/bars?period=7").status == 400
    assert len(asked) == 3


def test_where_no_taker_answers_that_is_said(replica: Replica) -> None:
    def elsewhere(_path: str) -> Answer:
        raise NatsAway("NATS: no answer in time")

    replica.elsewhere = elsewhere
    answer = ask(replica.app(), "/funding/BTCUSDT/history")
    assert answer.status == 501
    (reason,) = answer.json["reasons"]
    assert reason.endswith("and none answers: NATS: no answer in time")


@pytest.mark.parametrize(
    "path",
    [
        *("/funding", "/funding/BTCUSDT", "/funding/batch?symbols=BTCUSDT", "/funding/signals"),
        *("/funding/events", "/funding/BTCUSDT/comparisons", "/contracts", "/exchanges"),
        *("/funding/spreads", "/funding/overview", "/metrics", "/openapi.json", "/docs"),
    ],
)
def test_what_travels_is_answered_as_ever(replica: Replica, path: str) -> None:
    plain_world = World(replica.path, replica.wall, replica.uptime)
    mine, usual = ask(replica.app(), path), ask(plain_world.app(), path)
    assert mine.status == usual.status == 200
    if path not in ("/metrics", "/funding/overview"):
        assert mine.body == usual.body


def test_a_wrong_parameter_is_still_the_first_that_is_said(replica: Replica) -> None:
    assert ask(replica.app(), "/funding/BTCUSDT/bars?period=61").status == 400


def test_the_overview_says_null_of_what_does_not_travel(replica: Replica) -> None:
    found = ask(replica.app(), "/funding/overview").json
    assert found["restSaved"] is None
    assert found["validations"] is None
    assert found["availability"] is None
    assert found["exchanges"][0]["availablePct"] is None


def test_metrics_leave_out_what_does_not_travel(replica: Replica) -> None:
    body = ask(replica.app(), "/metrics").body.decode()
    assert "\nfunding_posts_waiting " not in body
    assert '\nfunding_data_fresh{exchange="binance"} ' in body


def test_a_broken_link_is_unhealthy_and_said_in_words(replica: Replica) -> None:
    """However fresh the quotes still are, and though its own file is written."""
    app = replica.app(LIMITS.__class__(180.0, 1))
    assert ask(app, "/funding/health").status == 200
    replica.link = BROKEN
    health = ask(app, "/funding/health")
    assert (health.status, health.json["status"]) == (503, "unhealthy")
    assert health.json["reasons"] == [BROKEN]
    assert health.json["websocketConnected"] is False
    ready = ask(app, "/readyz")
    assert (ready.status, ready.json["reasons"]) == (503, [BROKEN])
    (exchange, _) = ask(app, "/exchanges").json["data"]
    assert (exchange["status"], exchange["reasons"]) == ("unhealthy", [BROKEN])
    assert ask(app, "/funding/BTCUSDT").status == 200  # by its own age


def test_standby_does_not_hide_a_broken_link(replica: Replica) -> None:
    replica.execute("UPDATE quote SET source = 'rest'", f"UPDATE feed SET standby_since = {1.0}")
    app = replica.app(LIMITS.__class__(180.0, 1))
    assert ask(app, "/funding/health").json["status"] == "degraded"
    replica.link = BROKEN
    assert ask(app, "/funding/health").json["status"] == "unhealthy"


def test_without_any_quote_the_link_is_the_reason(bare: World) -> None:
    replica = Replica(bare.path, link=BROKEN)
    for path in ("/funding/BTCUSDT", "/funding"):
        answer = ask(replica.app(), path)
        assert (answer.status, answer.json["reasons"]) == (503, [BROKEN])
    replica.link = ""
    (reason,) = ask(replica.app(), "/funding").json["reasons"]
    assert "is ingest running?" in reason


def test_the_description_says_what_may_not_be_served(replica: Replica) -> None:
    paths = ask(replica.app(), "/openapi.json").json["paths"]
    refusing = {path for path, each in paths.items() if "501" in each["get"]["responses"]}
    assert refusing == {"/funding/{symbol}/history", "/funding/{symbol}/bars"}
