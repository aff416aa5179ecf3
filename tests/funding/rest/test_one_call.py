"""One REST call by any thread."""

from funding.errors import RestOverBudget
from funding.exchanges.exchange import Options, Request
from funding.exchanges.hyperliquid.exchange import HYPERLIQUID
from funding.rest.one_call import OneCall
from tests.support.clock import rows
from tests.support.http_script import reply, scripted, sends
from tests.support.rest_group import Group, failure


def test_call_is_counted_for_its_exchange(group: Group) -> None:
    with scripted(sends(reply(body=b"[]"))) as server:
        options = Options("ws://unused", server.url)
        ask = OneCall(group.path, HYPERLIQUID, options, "ingest", group.hand.clock())
        request = Request("meta", f"{server.url}/info", 400, body=b"{}")
        assert [ask(request).body for _ in range(2)] == [b"[]", b"[]"]
        assert type(failure(lambda: ask(request))) is RestOverBudget
    found = rows(group.path, "SELECT caller, route, calls, weight, exchange FROM rest_usage")
    assert found == [("ingest", "meta", 2, 800, "hyperliquid")]
