"""The Host check: equality with the whole header, or nothing of the service is seen."""

import logging
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from funding.api.host_check import local_only
from tests.support.wsgi import ask

SERVED = b"the service"


def service(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """What must only be reached by requests meant for it."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [SERVED]


APP = local_only(service, "127.0.0.1", 8888)


@pytest.mark.parametrize("host", ["127.0.0.1:8888", "localhost:8888"])
def test_a_request_to_the_own_address_is_served(host: str) -> None:
    answer = ask(APP, "/", host=host)
    assert (answer.status, answer.body) == (200, SERVED)


FOREIGN = [
    None,
    "",
    "evil.example",
    "evil.example:8888",
    "127.0.0.1",
    "localhost",
    "127.0.0.1:8889",
    "127.0.0.1:08888",
    "127.0.0.1:8888, 127.0.0.1:8888",
    "127.0.0.1:8888, evil.example",
    "evil.example, 127.0.0.1:8888",
    "LOCALHOST:8888",
    "localhost.:8888",
    "localhost:8888.evil.example",
    "evil.localhost:8888",
    "user@127.0.0.1:8888",
    "127.0.0.2:8888",
    "127.1:8888",
    "2130706433:8888",
    "0.0.0.0:8888",
    "[::1]:8888",
    "[::ffff:127.0.0.1]:8888",
    " 127.0.0.1:8888",
    "127.0.0.1:8888\t",
    "127.0.0.1:8888/",
]


@pytest.mark.parametrize("host", FOREIGN)
def test_every_other_host_is_refused(host: str | None) -> None:
    answer = ask(APP, "/", host=host)
    assert answer.status == 403
    assert answer.json == {"error": "foreign Host header"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_the_refusal_of_a_head_request_has_no_body() -> None:
    got, head = ask(APP, "/", host="evil.example"), ask(APP, "/", "HEAD", host="evil.example")
    assert (head.status, head.body) == (403, b"")
    assert head.headers == got.headers
    assert head.headers["content-length"] == str(len(got.body))


def test_another_loopback_address_is_served_where_it_is_configured() -> None:
    app = local_only(service, "127.0.0.2", 9000)
    assert ask(app, "/", host="127.0.0.2:9000").status == 200
    assert ask(app, "/", host="localhost:9000").status == 200
    assert ask(app, "/", host="127.0.0.1:9000").status == 403


def test_on_port_80_clients_leave_the_port_out() -> None:
    app = local_only(service, "127.0.0.1", 80)
    for host in ("127.0.0.1", "127.0.0.1:80", "localhost", "localhost:80"):
        assert ask(app, "/", host=host).status == 200
    assert ask(app, "/", host="evil.example").status == 403


def test_the_log_names_the_refused_host_in_a_bounded_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        app = local_only(service, "127.0.0.1", 8888)
        for _ in range(300):
            ask(app, "/", host="evil.example\x07" + "x" * 100_000)
    (record,) = caplog.records
    line = record.getMessage()
    assert "evil.example" in line
    assert line.isprintable()
    assert len(line) < 300


def test_a_utf8_path_reaches_the_service() -> None:
    assert ask(APP, "/funding/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT").body == SERVED


def test_a_foreign_host_learns_nothing_about_its_path() -> None:
    answer = ask(APP, "/%FF", host="evil.example")
    assert answer.status == 403
    assert b"UTF-8" not in answer.body
