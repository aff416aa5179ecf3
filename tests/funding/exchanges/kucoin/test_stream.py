"""KuCoin's two streams: how connections begin, and when one stream takes the other's place."""

import json
from typing import Any

import pytest

from funding.errors import RestGarbled, RestRefused
from funding.exchanges.exchange import Options, Request
from funding.exchanges.kucoin.stream import FALLBACK_SECONDS, KucoinStream
from tests.support.conversations import RECEIVED_MS, asked

OPTIONS = Options("wss://push.test", "https://rest.test", "https://unified.test", "push")
SYMBOLS = [f"C{number}USDTM" for number in range(682)]
BULLET = {"token": "a+b/c=", "instanceServers": [{"endpoint": "wss://classic.test/"}]}


def listed(symbol: str, **changes: Any) -> dict[str, Any]:
    row = {
        "symbol": symbol,
        "type": "FFWCSX",
        "status": "Open",
        "markPrice": 1.5,
        "fundingFeeRate": 0.0001,
        "nextFundingRateTime": 25_242_841,
        "nextFundingRateDateTime": RECEIVED_MS + 1_000,
    }
    return {**row, **changes}


ROWS = [
    *map(listed, SYMBOLS),
    listed("XBTMZ26", type="FFICSX"),
    listed("OLDUSDTM", status="BeingSettled"),
]


def answer(request: Request) -> Any:
    data: Any = BULLET if request.route == "bullet-public" else ROWS
    return {"code": "200000", "data": data}


def stream(feed: str = "push") -> KucoinStream:
    return KucoinStream(OPTIONS._replace(feed=feed))


def test_push_has_two_connections_of_one_size() -> None:
    plan, requests = asked(stream().plan(0.0), answer)
    assert [len(topics) for topics in plan.connections] == [341, 341]
    assert [name for topics in plan.connections for name in topics] == SYMBOLS
    assert [request.weight for request in requests] == [3]
    assert plan.seconds == 600


def test_push_subscribes_to_each_price_and_to_all_rates() -> None:
    opening, requests = asked(stream().open(["XBTUSDTM", "ETHUSDTM"]), answer)
    sent = [json.loads(each.message) for each in opening.subscriptions]
    assert sent == [
        {
            "id": "funding-fee-all-symbols",
            "action": "subscribe",
            "channel": "funding-fee-all-symbols",
        },
        *(
            {"id": name, "action": "subscribe", "channel": "mark-price", "symbol": name}
            for name in ("XBTUSDTM", "ETHUSDTM")
        ),
    ]
    assert (opening.url, opening.welcomed, requests) == ("wss://push.test", True, [])
    assert 10 / opening.message_seconds < 300
    assert opening.keep_alive is not None
    assert opening.keep_alive.every < 18
    assert json.loads(opening.keep_alive.message(3)) == {"id": "ping3", "type": "ping"}


def test_first_prices_have_the_funding_of_the_list_of_contracts() -> None:
    made = stream()
    asked(made.plan(0.0), answer)
    mark = {"s": "C0USDTM", "mp": "1.5", "ip": "1.5", "ts": RECEIVED_MS}
    (quote,) = made.decode(json.dumps({"T": "mark-price", "P": 0, "d": mark}).encode(), 0).quotes
    assert (quote.funding_rate, quote.next_funding_time) == (0.0001, RECEIVED_MS + 1_000)


def test_countdown_is_not_taken_for_a_time() -> None:
    made = stream()
    rows = [listed("C0USDTM", nextFundingRateDateTime=None)]
    asked(made.plan(0.0), lambda _: {"code": "200000", "data": rows})
    mark = {"s": "C0USDTM", "mp": "1.5", "ip": "1.5", "ts": RECEIVED_MS}
    (quote,) = made.decode(json.dumps({"T": "mark-price", "P": 0, "d": mark}).encode(), 0).quotes
    assert quote.next_funding_time is None


def test_classic_asks_for_a_token_before_each_connection() -> None:
    made = stream("classic")
    plan, _ = asked(made.plan(0.0), answer)
    assert [len(topics) for topics in plan.connections] == [228, 228, 226]
    assert plan.seconds == 60
    for number in (1, 2):
        opening, requests = asked(made.open(plan.connections[0]), answer)
        assert opening.url == f"wss://classic.test/?token=a%2Bb/c%3D&connectId={number}"
        assert [(each.url, each.weight, each.body) for each in requests] == [
            ("https://rest.test/api/v1/bullet-public", 10, b"")
        ]
    sent = [json.loads(each.message) for each in opening.subscriptions]
    assert [len(each["topic"].split(",")) for each in sent] == [90, 90, 48]
    assert sent[0]["topic"].startswith("/contract/instrument:C0USDTM,C1USDTM,")
    assert opening.welcomed


@pytest.mark.parametrize("servers", [[], [{"endpoint": "https://elsewhere.test"}]])
def test_token_without_an_address_is_no_answer(servers: list[Any]) -> None:
    bullet = {"token": "t", "instanceServers": servers}
    with pytest.raises(RestGarbled, match="no address"):
        asked(stream("classic").open([]), lambda _: {"code": "200000", "data": bullet})


def test_refusal_of_a_token_is_in_the_exchanges_words() -> None:
    with pytest.raises(RestRefused, match="code 400100: no"):
        asked(stream("classic").open([]), lambda _: {"code": "400100", "msg": "no"})


def test_where_push_refuses_classic_is_used_for_an_hour() -> None:
    made = stream()
    assert made.refused(100.0)
    assert not made.refused(101.0)
    plan, _ = asked(made.plan(100.0 + FALLBACK_SECONDS - 1), answer)
    assert len(plan.connections) == 3
    plan, _ = asked(made.plan(100.0 + FALLBACK_SECONDS), answer)
    assert len(plan.connections) == 2
    assert not stream("classic").refused(0.0)


def test_no_contract_is_one_connection_less() -> None:
    plan, _ = asked(stream().plan(0.0), lambda _: {"code": "200000", "data": []})
    assert plan.connections == []
