"""A conversation: requests out, replies in, errors in the same way, a result."""

import pytest

from funding.errors import RestRefused, RestUnreachable
from funding.exchanges.exchange import Conversation, Reply, Request, converse
from tests.support.conversations import asked


def two_pages() -> Conversation[bytes]:
    first = yield Request("page", "http://host/1")
    second = yield Request("page", "http://host/2", parameters={"after": first.body.decode()})
    return first.body + second.body


def optional() -> Conversation[str]:
    try:
        yield Request("optional", "http://host/optional")
    except RestRefused:
        reply = yield Request("instead", "http://host/instead")
        return reply.body.decode()
    return "answered"


def test_each_reply_reaches_the_next_step() -> None:
    found, requests = asked(two_pages(), lambda request: request.url[-1:].encode())
    assert found == b"12"
    assert requests[1].parameters == {"after": "1"}


def test_error_of_a_call_can_be_caught_and_another_call_made() -> None:
    def ask(request: Request) -> Reply:
        if request.route == "optional":
            raise RestRefused(400, None, "no such market")
        return Reply(b"instead", 0)

    assert converse(optional(), ask) == "instead"


def test_error_that_is_not_caught_ends_the_conversation() -> None:
    def ask(_request: Request) -> Reply:
        raise RestUnreachable("no route")

    for conversation in (optional(), two_pages()):
        with pytest.raises(RestUnreachable):
            converse(conversation, ask)


def test_conversation_without_requests_asks_nothing() -> None:
    def ready() -> Conversation[int]:
        yield from ()
        return 7

    assert asked(ready(), lambda _: pytest.fail("asked")) == (7, [])
