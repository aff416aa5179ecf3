"""api.py --from: the same answers on another host, from what takers publish."""

import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from funding.model.contract import Contract, ContractStatus
from funding.model.event import Event, EventKind
from funding.model.quote import Quote
from funding.nats import messages, subjects
from funding.nats.connection import Put
from funding.publish.answers import Answers
from funding.publish.trail_messages import message
from funding.runtime.clock import SYSTEM
from funding.store import asset_reader
from funding.store.contracts import Contracts
from funding.store.durable import DurableConnection
from funding.store.reader import Reader
from funding.store.signal_table import Findings
from funding.store.trail_outbox import Mark, TrailOutbox, TrailTable
from harness.http_client import Answer, ask
from harness.processes import WAIT_SECONDS, finished, until
from tests.conftest import free_port
from tests.funding.replica.test_trail import COMPARISON, SIGNAL
from tests.support.api_process import new_writer, serving
from tests.support.clock import rows
from tests.support.nats_server import NatsServer, connected
from tests.support.nats_server import serving as nats_serving
from tests.support.publisher import CONTRACTS, QUOTES, TRAIL

SETTLEMENT = 1_764_748_800_000
SYMBOLS = ["BTCUSDT", "ETHUSDT", "币安人生USDT", "kPEPEUSDT", "DATED_261225"]
PATHS = [
    *("/funding", "/funding/btcusdt", "/funding/NONE", "/funding?format=csv"),
    *("/funding/batch?symbols=ETHUSDT,NONE,kpepeusdt", "/funding/compare?asset=BTC"),
    *("/funding/signals", "/funding/events", "/funding/events?kind=stall"),
    *("/funding/BTCUSDT/comparisons", "/funding/NONE/comparisons", "/funding/spreads"),
    *("/contracts", "/exchanges", "/funding/health", "/healthz", "/readyz"),
    *("/", "/docs", "/openapi.json"),
]
VARIES = ("age", "uptime", "id")
"""What the two may say differently: ages, and the numbers of rows."""


@pytest.fixture
def taker(tmp_path: Path) -> Path:
    """A store as its machine has it, which has just received a frame."""
    path = tmp_path / "taker.db"
    writer, feed = new_writer(path)
    # In whole milliseconds, as they travel.
    wall, uptime = round(SYSTEM.wall(), 3), SYSTEM.uptime()
    feed.good_since, feed.frames = wall - 60, 7
    feed.heartbeat_uptime = uptime + 50  # nobody writes on: it has to last for a while
    at = int(wall * 1000)
    quotes = [
        Quote(
            name,
            100.5 + n,
            100.25,
            0.0001 * n if n < 4 else None,
            SETTLEMENT if n < 4 else None,
            at,
        )
        for n, name in enumerate(SYMBOLS)
    ]
    events = [Event(wall - 9, "ingest", EventKind.STALL, "no quote for 5 s", rule="stall")]
    signals = [SIGNAL._replace(at=wall - 5)]
    with closing(writer):
        held = [(each, wall, uptime) for each in quotes]
        writer.write(feed, held, events, findings=Findings([], signals, {}))
    store = DurableConnection(path)
    Contracts(store).replace("binance", [_contract(name, wall) for name in SYMBOLS[:4]])
    with store.transaction() as connection:
        marks = ", ".join("?" * len(COMPARISON))
        names = ", ".join(COMPARISON._fields)
        row = COMPARISON._replace(compared_at=wall - 7)
        connection.execute(f"INSERT INTO comparison ({names}) VALUES ({marks})", row)
        connection.execute(
            "UPDATE quote SET z_score = 2.5, percentile = 99, zone = 'high',"
            " funding_interval_hours = 4 WHERE symbol <> 'BTCUSDT'"
        )
    store.end()
    return path


def _contract(name: str, at: float) -> Contract:
    asset = name.removesuffix("USDT")
    hours = 8 if name == "BTCUSDT" else None
    values = (ContractStatus.TRADING, "PERPETUAL", asset, "USDT", 1.0, None, hours)
    return Contract("binance", name, *values, "exchange" if hours else None, 0.02, -0.02, at)


class Publishing:
    """What its publish.py would send, once; heartbeats as often as they are asked for."""

    def __init__(self, path: Path, server: NatsServer) -> None:
        self._reader = Reader(path, "binance", SYSTEM)
        self._connected = connected(server, "taker")
        self._path = path
        self.connection = self._connected.__enter__()
        for place in (QUOTES, CONTRACTS, TRAIL):
            self.connection.ensure(place)

    def all(self) -> None:
        end = messages.ending(SYSTEM.wall(), "taker-a")
        quotes = [
            Put(subjects.key("binance", each.symbol), messages.encode_quote(each, end))
            for each in self._reader.all()
        ]
        contracts = [
            Put(subjects.key("binance", each.symbol), messages.encode_contract(each))
            for each in asset_reader.contracts(self._reader)
        ]
        self.connection.put_many(QUOTES, quotes)
        self.connection.publish([(f"funding.{each.key}", each.value or b"") for each in quotes])
        self.connection.put_many(CONTRACTS, contracts)
        outbox = TrailOutbox(DurableConnection(self._path))
        for table in TrailTable:
            found = outbox.after(table, Mark(0, 0.0), 500)
            self.connection.append([message("taker-a", each) for each in found])

    def beat(self) -> None:
        feed = self._reader.feed()
        assert feed is not None
        body = messages.encode_feed(
            feed, SYSTEM.uptime(), taker="taker-a", term=1, sent_at=SYSTEM.wall()
        )
        self.connection.publish([(subjects.feed("binance"), body)])

    def close(self) -> None:
        self.connection.close()


def stripped(value: Any) -> Any:
    """`value` without what may differ."""
    if isinstance(value, dict):
        return {
            name: stripped(each)
            for name, each in value.items()
            if not name.lower().endswith(VARIES) and "Age" not in name
        }
    return [stripped(each) for each in value] if isinstance(value, list) else value


def told(answer: Answer) -> tuple[int, Any]:
    if answer.headers["content-type"].startswith("text/csv"):
        lines = [line.split(",") for line in answer.body.decode().splitlines()]
        column = lines[0].index("ageSeconds")
        return answer.status, [line[:column] + line[column + 1 :] for line in lines]
    if answer.headers["content-type"] != "application/json":
        return answer.status, answer.body
    return answer.status, stripped(answer.json)


def same(one: int, other: int, path: str) -> bool:
    return told(ask(one, path)) == told(ask(other, path))


SETTINGS = {"FUNDING_MIN_SYMBOLS": 3}


def test_it_answers_as_the_api_of_the_taker_does(taker: Path, tmp_path: Path) -> None:
    with (
        nats_serving(tmp_path) as server,
        closing(Publishing(taker, server)) as publishing,
        serving(taker, **SETTINGS) as (_, theirs),
        serving(tmp_path / "none.db", "--from", server.url, **SETTINGS) as (_, mine),
    ):

        def followed() -> bool:
            publishing.all()
            publishing.beat()
            whole = "/funding/signals", "/funding/events", "/funding/BTCUSDT/comparisons"
            return (
                ask(mine, "/funding/health").status == 200
                and ask(mine, "/contracts").json["total"] == 4
                and all(ask(mine, path).json["total"] for path in whole)
            )

        until(followed, "all has come")
        for path in PATHS:
            # What a contract says of its quote is read again within a second.
            until(lambda: followed() and same(mine, theirs, path), path)  # noqa: B023
        assert ask(mine, "/funding").headers["etag"] == ask(theirs, "/funding").headers["etag"]
        assert ask(mine, "/funding/BTCUSDT").headers["feed-address"] == "test.invalid"
        ages = [ask(port, "/funding/BTCUSDT").json["ageSeconds"] for port in (theirs, mine)]
        assert ages[1] >= ages[0] > 0
        assert b"funding_data_fresh" in ask(mine, "/metrics").body
        assert ask(mine, "/funding/overview").json["validations"] is None
        lacking = "/funding/BTCUSDT/history", "/funding/BTCUSDT/bars?format=csv", "/funding/NO/bars"
        assert ask(mine, lacking[0]).status == 501
        publishing.connection.answer(subjects.ASK, Answers("127.0.0.1", theirs).answer)
        until(lambda: ask(mine, lacking[0]).status == 200, "a taker that answers")
        for path in lacking:
            one, other = ask(mine, path), ask(theirs, path)
            assert (one.status, one.body) == (other.status, other.body)
            assert one.headers["content-type"] == other.headers["content-type"]
    assert not (tmp_path / "none.db").exists()
    assert rows(taker, "SELECT count(*) FROM quote") == [(5,)]


def test_a_server_that_dies_is_unhealthy_with_its_name(taker: Path, tmp_path: Path) -> None:
    with (
        nats_serving(tmp_path) as server,
        closing(Publishing(taker, server)) as publishing,
        serving(
            tmp_path / "none.db",
            "--from",
            FUNDING_NATS_URL=server.url,
            TMPDIR=tmp_path,
            **SETTINGS,
        ) as (process, port),
    ):
        first = ask(port, "/funding/BTCUSDT")
        assert first.status == 503
        (reason,) = first.json["reasons"]
        assert reason.endswith("binance on NATS: none has been heard since this API began")

        def healthy() -> bool:
            publishing.all()
            publishing.beat()
            return ask(port, "/readyz").status == 200

        until(healthy, "it is healthy")
        server.kill()

        def named() -> str:
            reasons = ask(port, "/funding/health").json["reasons"]
            cause = f"NATS cannot be read ({server.url}"
            return next((each for each in reasons if each.startswith(cause)), "")

        reason = until(named, "it is unhealthy")
        assert ask(port, "/readyz").status == 503
        assert "and so no taker of binance: the last one, taker-a, was heard" in reason
        assert ask(port, "/funding/BTCUSDT").status == 200  # it has its age
        folders = list(tmp_path.glob("funding-api-from-*"))
        assert len(folders) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
        assert list(tmp_path.glob("funding-api-from-*")) == []


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--from", "nats://user:geheim@:1"], "--from='(hidden"),
        (["--from", "http://user:geheim@db"], "--from='(hidden"),
        (["--from"], "FUNDING_NATS_URL=''"),
    ],
)
def test_a_wrong_address_is_one_line_without_it(arguments: list[str], name: str) -> None:
    result = finished([sys.executable, "api.py", *arguments])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert name in result.stderr
    assert "nats://" in result.stderr
    assert "geheim" not in result.stderr


def test_a_password_is_in_no_log(taker: Path, tmp_path: Path) -> None:
    with nats_serving(tmp_path, "--user", "reader", "--pass", "geheim") as server:
        address = server.url.replace("nats://", "nats://reader:falsch@")
        with serving(tmp_path / "none.db", "--from", address, **SETTINGS) as (_, port):
            until(
                lambda: "uthoriz" in str(ask(port, "/funding/BTCUSDT").json["reasons"]),
                "it is refused",
            )
            body = ask(port, "/funding/BTCUSDT").body + ask(port, "/funding/health").body
            log = (tmp_path / f"api-{port}.log").read_text("utf-8")
    assert "falsch" not in log + body.decode()


def test_prepare_starts_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "api.py", "--from", "nats://127.0.0.1:1", "--prepare"]
    result = finished(command, FUNDING_API_PORT=free_port(), TMPDIR=tmp_path)
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.iterdir()) == []
