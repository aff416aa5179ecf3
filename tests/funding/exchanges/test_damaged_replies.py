"""Replies of every exchange's REST, cut at every byte and changed at every byte, and rubbish: each
question has an answer that can be stored, or raises a `RestError`."""

import json

import pytest

from funding.exchanges.table import EXCHANGES
from harness.fuzz.venues import REPLIES, check_reply, routes
from tests.support.decoding import RUBBISH

ROUTES = [(name, route) for name, routes in REPLIES.items() for route in routes]


def test_every_exchange_and_every_route_is_damaged() -> None:
    assert REPLIES.keys() == EXCHANGES.keys()
    for name, documents in REPLIES.items():
        assert set().union(*routes(name)) == documents.keys()


@pytest.mark.parametrize(("name", "route"), ROUTES)
def test_reply_cut_and_changed_byte_by_byte(name: str, route: str) -> None:
    whole = json.dumps(REPLIES[name][route], separators=(",", ":")).encode()
    check_reply((name, route, whole))
    for at in range(len(whole)):
        check_reply((name, route, whole[:at]))
        check_reply((name, route, whole[:at] + b"0" + whole[at + 1 :]))


@pytest.mark.parametrize(("name", "route"), ROUTES)
def test_rubbish_as_a_reply(name: str, route: str) -> None:
    for payload in RUBBISH:
        check_reply((name, route, payload))
