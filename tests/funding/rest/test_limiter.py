"""The budget that all processes of the group share."""

import contextlib
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from funding import errors
from funding.model.ban import Ban, BanKind
from funding.rest.client import RestClient
from funding.rest.limiter import whole_number
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage
from harness.stand_in import StandIn
from tests.support.clock import ManualClock, rows
from tests.support.http_script import Turn, reply, scripted, sends
from tests.support.rest_group import ANSWER, BODY, MINUTE, Group, error, failure, store


def ask_everything(client: RestClient) -> None:
    """One call of each kind; whatever comes back."""
    calls: list[Callable[[], Any]] = [
        lambda: client.premium_index("BTCUSDT"),
        client.premium_indices,
        client.funding_intervals,
        lambda: client.open_interest("BTCUSDT"),
        client.contracts,
        client.tickers,
        client.server_time,
        *(lambda n=n: client.klines("BTCUSDT", "1h", n) for n in (100, 101, 500, 501, 1_001)),
    ]
    for call in calls:
        call()


# The budget


def test_weights_are_those_that_the_exchange_counts(group: Group, exchange: StandIn) -> None:
    def minute() -> int:
        """The one in which the exchange counts now."""
        return int(exchange.order("state")["now"] // 60_000)

    for attempt in count():
        begun, before = minute(), exchange.order("state")["used_weight"]
        ask_everything(group.client(exchange.rest_url, f"attempt {attempt}"))
        after = exchange.order("state")["used_weight"]
        if minute() == begun:
            break  # else a part was counted in the minute before
    select = "SELECT route, calls, weight FROM rest_usage WHERE caller = ? ORDER BY route"
    used = rows(group.path, select, f"attempt {attempt}")
    assert used == [
        ("exchangeInfo", 1, 1), ("fundingInfo", 1, 0), ("klines", 5, 1 + 2 + 2 + 5 + 10),
        ("openInterest", 1, 1), ("premiumIndex", 2, 11), ("ticker/24hr", 1, 40), ("time", 1, 1),
    ]  # fmt: skip
    assert after - before == sum(weight for _, _, weight in used)


def test_usage_is_kept_by_caller_route_and_minute(group: Group) -> None:
    with scripted(ANSWER) as server:
        one, other = group.client(server.url, "one"), group.client(server.url, "other")
        one.premium_index("BTCUSDT")
        one.premium_index("BTCUSDT")
        other.premium_index("BTCUSDT")
        group.hand.advance(60)
        one.premium_index("BTCUSDT")
    assert rows(
        group.path,
        "SELECT minute, caller, route, calls, weight FROM rest_usage ORDER BY minute, caller",
    ) == [
        (MINUTE, "one", "premiumIndex", 2, 2),
        (MINUTE, "other", "premiumIndex", 1, 1),
        (MINUTE + 1, "one", "premiumIndex", 1, 1),
    ]


def test_a_call_that_fails_counts(group: Group) -> None:
    with scripted(error(400, -1121, "Invalid symbol.")) as server:
        failure(group.client(server.url).premium_indices)
    assert rows(group.path, "SELECT calls, weight FROM rest_usage") == [(1, 10)]


def test_all_clients_share_one_budget_per_minute(group: Group) -> None:
    many = sends(reply(body=b"[" + BODY + b"]"))
    with scripted(many) as server:
        one = group.client(server.url, "one", budget=30)
        other = group.client(server.url, "other", budget=30)
        one.premium_indices()
        other.premium_indices()
        one.premium_indices()
        raised = failure(lambda: other.premium_index("BTCUSDT"))
        assert type(raised) is errors.RestOverBudget
        assert raised.retry_after_seconds == 60 - group.hand.wall % 60
        assert len(server.asked) == 3
        group.hand.advance(raised.retry_after_seconds)
        assert other.premium_indices()


def test_a_dear_call_is_refused_and_a_cheap_one_made(group: Group) -> None:
    with scripted(ANSWER) as server:
        client = group.client(server.url, budget=9)
        assert type(failure(client.premium_indices)) is errors.RestOverBudget
        assert client.premium_index("BTCUSDT").symbol == "BTCUSDT"
    assert rows(group.path, "SELECT sum(calls), sum(weight) FROM rest_usage") == [(1, 1)]


def test_what_the_exchange_counts_is_respected_until_the_minute_is_over(group: Group) -> None:
    counts_2295 = sends(reply(body=BODY, X_MBX_USED_WEIGHT_1M="2295"))
    with scripted(counts_2295, sends(reply(body=b"[]")), ANSWER) as server:
        client = group.client(server.url)
        client.premium_index("BTCUSDT")
        assert "2295 of 2400" in str(failure(client.premium_indices))
        assert client.funding_intervals() == []  # costs nothing, and tells no count
        assert type(failure(client.premium_indices)) is errors.RestOverBudget
        assert client.premium_index("BTCUSDT")
        group.hand.advance(60)
        assert client.premium_indices()


def test_the_count_in_a_refusal_is_respected_too(group: Group) -> None:
    refused = error(400, -1121, "Invalid symbol.", X_MBX_USED_WEIGHT_1M="2300")
    with scripted(refused, ANSWER) as server:
        client = group.client(server.url)
        failure(lambda: client.premium_index("NOPE"))
        assert type(failure(client.server_time)) is errors.RestOverBudget


def test_the_exchanges_count_near_its_limit_stops_the_group(group: Group) -> None:
    counts_2300 = sends(reply(body=BODY, X_MBX_USED_WEIGHT_1M="2300"))
    with scripted(counts_2300, ANSWER) as server:
        one, other = group.client(server.url, "one"), group.client(server.url, "other")
        one.premium_index("BTCUSDT")
        for client in (other, one):
            raised = failure(client.server_time)
            assert (type(raised), str(raised)) == (
                errors.RestOverBudget, "the exchange counts 2300 of 2400 in this minute"
            )  # fmt: skip
            assert raised.retry_after_seconds == 60 - group.hand.wall % 60
        assert len(server.asked) == 1
        group.hand.advance(60 - group.hand.wall % 60)
        assert other.premium_index("BTCUSDT")
    assert rows(group.path, "SELECT * FROM rest_ban") == []
    assert rows(group.path, "SELECT * FROM event WHERE kind = 'rest-pause'") == []


def test_a_refusal_while_the_budget_is_used_up_is_a_first_ban(group: Group) -> None:
    """By a call that was under way: its pause is not the rest of the minute."""
    with scripted(error(429, -1003, "Too many.")) as server:
        client = group.client(server.url)

        def turn(connection: Any, stopping: Any) -> None:
            near = Ban(group.hand.wall + 7, BanKind.OVER_BUDGET, 0, "2300 of 2400")
            with closing(DurableConnection(group.path)) as other:
                RestUsage(other).set_ban(server.url, near)
            error(429, -1003, "Too many.")(connection, stopping)

        server.turns = [turn]
        assert failure(client.server_time).retry_after_seconds == pytest.approx(60)
        assert rows(group.path, "SELECT kind, pauses FROM rest_ban") == [("banned", 1)]


def test_a_refusal_at_the_limit_is_a_pause_and_grows(group: Group) -> None:
    no = sends(reply(429, b"no", X_MBX_USED_WEIGHT_1M="2400"))
    full = sends(reply(body=BODY, X_MBX_USED_WEIGHT_1M="2400"))
    with scripted(no, no, full, no) as server:
        client = group.client(server.url)
        for pause in (60, 120):
            assert failure(client.server_time).retry_after_seconds == pytest.approx(pause)
            group.hand.advance(pause)
        assert client.premium_index("BTCUSDT")
        assert type(failure(client.server_time)) is errors.RestOverBudget
        group.hand.advance(60)
        assert failure(client.server_time).retry_after_seconds == pytest.approx(60)


def test_calls_without_weight_have_a_budget_of_five_minutes(group: Group) -> None:
    write_many = "INSERT INTO rest_usage VALUES (?, 'other', 'fundingRate', ?, 0, 'binance')"
    with scripted(sends(reply(body=b"[]"))) as server:
        client = group.client(server.url)
        store(group.path, write_many, MINUTE - 6, 400)
        store(group.path, write_many, MINUTE - 5, 448)
        client.funding_intervals()
        client.funding_intervals()
        for _ in range(3):
            assert type(failure(client.funding_intervals)) is errors.RestOverBudget
        assert len(server.asked) == 2
    assert rows(group.path, "SELECT calls FROM rest_usage WHERE minute = ?", MINUTE) == [(2,)]


def test_refusal_of_the_budget_says_how_much_is_used(group: Group) -> None:
    write = "INSERT INTO rest_usage VALUES (?, 'other', ?, ?, ?, 'binance')"
    store(group.path, write, MINUTE, "premiumIndex", 3, 21)
    store(group.path, write, MINUTE, "fundingRate", 250, 0)
    with scripted(ANSWER) as server:
        client = group.client(server.url, budget=30)
        assert str(failure(client.premium_indices)) == (
            "21 of 30 used in this minute, premiumIndex needs 10"
        )
        store(group.path, write, MINUTE - 1, "fundingRate", 400, 0)
        words = str(failure(client.funding_intervals))
        assert words == "650 of 450 used in these five minutes, fundingInfo needs 1"


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (
            sends(reply(body=BODY, X_MBX_USED_WEIGHT_1M="2300")),
            "the exchange counts 2300 of 2400 in this minute: ",
        ),
        (
            error(429, -1003, "Too many.", Retry_After="17"),
            "status 429, code -1003: Too many.: ",
        ),
    ],
)
def test_log_says_once_that_nobody_asks(
    group: Group, caplog: pytest.LogCaptureFixture, turn: Turn, words: str
) -> None:
    caplog.set_level("INFO", "rest")
    with scripted(turn) as server:
        one, other = group.client(server.url, "one"), group.client(server.url, "other")
        for client in (one, other, one):
            with contextlib.suppress(errors.RestError):
                client.premium_index("BTCUSDT")
    (message,) = (each.getMessage() for each in caplog.records)
    assert message.startswith(words)


def test_without_a_store_nothing_is_asked(tmp_path: Path, hand: ManualClock) -> None:
    made = Group(tmp_path / "none.db", hand)
    with scripted(ANSWER) as server, pytest.raises(errors.StoreMissing):
        made.client(server.url).premium_index("BTCUSDT")
    assert server.asked == []
    made.close()


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), ("", 0), ("-1", 0), ("１", 0), ("9" * 20, 999_999_999)]
)
def test_number_in_a_header(text: str, number: int) -> None:
    assert whole_number(text) == number
