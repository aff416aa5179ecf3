"""Responses: status, headers and body."""

from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from funding.api.responses import (
    Response,
    csv_reply,
    is_known,
    not_modified,
    refusal,
    reply,
    tag_headers,
    tagged,
)
from harness.http_client import Answer
from tests.support.wsgi import ask


def sent(response: Response, method: str = "GET") -> Answer:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        return response.send(environ, start_response)

    return ask(app, "/", method)


def test_a_reply_is_json_that_nobody_stores() -> None:
    answer = sent(reply({"a": 1}, headers={"ETag": "x"}))
    assert (answer.status, answer.body) == (200, b'{"a":1}')
    assert answer.headers == {
        "content-type": "application/json",
        "content-length": "7",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "etag": "x",
    }


def test_bytes_are_json_already() -> None:
    assert sent(reply(b"[1]", headers={"Cache-Control": "no-cache"})).body == b"[1]"


def test_a_refusal_has_an_error_and_its_facts() -> None:
    answer = sent(refusal("too many", 431, asked=5))
    assert (answer.status, answer.json) == (431, {"error": "too many", "asked": 5})


def test_head_receives_the_headers_alone() -> None:
    got, head = sent(reply([1, 2])), sent(reply([1, 2]), "HEAD")
    assert (head.headers, head.body) == (got.headers, b"")


def test_not_modified_has_neither_body_nor_its_headers() -> None:
    answer = sent(not_modified({"ETag": "x", "Cache-Control": "no-cache"}))
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", "x")
    assert answer.headers["cache-control"] == "no-cache"
    assert not {"content-type", "content-length"} & set(answer.headers)


def test_csv_says_what_it_is() -> None:
    answer = sent(csv_reply(b"a\r\n1\r\n", {"ETag": "x"}))
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"a\r\n1\r\n", "x")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-length"] == "6"


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ('W/"abc"', True),
        ('"abc"', True),
        ('"x", W/"abc"', True),
        ("*", True),
        ("", False),
        ('W/"ab"', False),
        ("abc", False),
    ],
)
def test_tags_are_compared_weakly(given: str, known: bool) -> None:
    assert is_known({"HTTP_IF_NONE_MATCH": given}, tag_headers("abc")) is known


def test_an_answer_that_the_client_has_is_spared() -> None:
    whole = sent(tagged({}, reply({"a": 1})))
    tag = whole.headers["etag"]
    assert (whole.status, whole.json, whole.headers["cache-control"]) == (200, {"a": 1}, "no-cache")
    spared = sent(tagged({"HTTP_IF_NONE_MATCH": tag}, reply({"a": 1})))
    assert (spared.status, spared.body, spared.headers["etag"]) == (304, b"", tag)
    other = sent(tagged({"HTTP_IF_NONE_MATCH": tag}, reply({"a": 2})))
    assert (other.status, other.headers["etag"] != tag) == (200, True)
