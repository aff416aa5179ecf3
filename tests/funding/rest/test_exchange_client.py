"""Questions of an exchange's interface, asked over real connections within the group's budget."""

import dataclasses
import json
from collections.abc import Sequence

import pytest

from funding import errors
from funding.exchanges.binance.exchange import BINANCE
from funding.exchanges.exchange import Conversation, Options, Request, RestLimits
from funding.rest.exchange_client import ExchangeClient
from funding.store.durable import DurableConnection
from funding.store.rest_usage import RestUsage
from tests.support.http_script import reply, scripted, sends
from tests.support.rest_group import MINUTE, PREMIUM, Group, failure

SETTLED = [{"symbol": "BTCUSDT", "fundingTime": 1, "fundingRate": "0.0001"}]


def client(group: Group, url: str, limits: RestLimits = BINANCE.limits) -> ExchangeClient:
    usage = RestUsage(DurableConnection(group.path))
    exchange = dataclasses.replace(BINANCE, limits=limits)
    options = Options("ws://unused", url)
    return ExchangeClient(exchange, options, "test", usage=usage, clock=group.hand.clock())


def test_answers_come_through_the_interface(group: Group) -> None:
    bodies = [json.dumps(body).encode() for body in ([PREMIUM], SETTLED)]
    with scripted(*(sends(reply(body=body)) for body in bodies)) as server:
        asking = client(group, server.url)
        assert [quote.mark_price for quote in asking.snapshot()] == [83_067.3]
        assert asking.history("BTCUSDT", 0, 10)[0].rate == 0.0001
        assert server.connections == 1
        assert server.paths[1].startswith("/fapi/v1/fundingRate?symbol=BTCUSDT&")
        asking.close()


def test_json_is_posted_and_counted_by_its_weight(group: Group) -> None:
    def posting(url: str) -> Conversation[bytes]:
        return (yield Request("info", url + "/info", 20, body=b'{"type":"meta"}')).body

    with scripted(sends(reply(body=b"{}"))) as server:
        asking = client(group, server.url)
        assert asking.ask(posting(server.url)) == b"{}"
        assert server.asked[0].startswith("POST /info HTTP/1.1\r\n")
        assert "Content-Type: application/json\r\n" in server.asked[0]
        assert server.posted == [b'{"type":"meta"}']
        assert RestUsage(DurableConnection(group.path)).used(MINUTE) == 20


def test_budget_is_the_exchanges_own(group: Group) -> None:
    with scripted(sends(reply(body=json.dumps([PREMIUM]).encode()))) as server:
        asking = client(group, server.url, RestLimits(weight=1_000, own=15))
        asking.snapshot()
        assert type(failure(asking.snapshot)) is errors.RestOverBudget
        assert len(server.asked) == 1


def test_each_host_has_its_own_ban(group: Group) -> None:
    def both(urls: Sequence[str]) -> Conversation[list[str]]:
        found = []
        for url in urls:
            try:
                found.append((yield Request("time", url + "/time")).body.decode())
            except errors.RestBanned:
                found.append("banned")
        return found

    with (
        scripted(sends(reply(429, Retry_After="60"))) as refusing,
        scripted(sends(reply(body=b"ok"))) as good,
    ):
        asking = client(group, good.url)
        urls = [refusing.url, good.url, refusing.url]
        assert asking.ask(both(urls)) == ["banned", "ok", "banned"]
        assert (len(refusing.asked), len(good.asked)) == (1, 1)


def test_unusable_reply_is_an_error(group: Group) -> None:
    with (
        scripted(sends(reply(body=b"<html>"))) as server,
        pytest.raises(errors.RestGarbled),
    ):
        client(group, server.url).snapshot()
