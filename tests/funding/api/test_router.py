"""Which route answers a path."""

from http import HTTPStatus
from typing import Any

import pytest

from funding.api.parameters import BadQuery, whole
from funding.api.responses import Response, reply
from funding.api.router import Match, Route, Router


def fixed(_environ: dict[str, Any]) -> Response:
    return reply("fixed")


def named(_environ: dict[str, Any], symbol: str, days: int = 30) -> Response:
    return reply([symbol, days])


ROUTER = Router(
    [
        Route("/funding/batch", fixed),
        Route("/funding/<symbol>", named, (whole("days", 1, 9),)),
        Route("/funding/<symbol>/history", named, (whole("days", 1, 9),)),
    ]
)


def match(path: str, query: str = "", method: str = "GET") -> Match | Response:
    return ROUTER.match({"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query})


def matched(path: str, query: str = "") -> Match:
    found = match(path, query)
    assert isinstance(found, Match)
    return found


def test_a_fixed_path_comes_before_a_symbol() -> None:
    assert matched("/funding/batch") == Match(fixed, {})


def test_parts_of_the_path_and_of_the_query_are_arguments() -> None:
    assert matched("/funding/BTCUSDT") == Match(named, {"symbol": "BTCUSDT"})
    found = matched("/funding/BTCUSDT/history", "days=7")
    assert found == Match(named, {"symbol": "BTCUSDT", "days": 7})


def test_a_query_that_cannot_be_read() -> None:
    with pytest.raises(BadQuery):
        match("/funding/BTCUSDT", "days=10")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/nope", "GET", 404),
        ("/funding/A/B", "GET", 404),
        ("/funding/A/history/", "GET", 404),
        ("/funding/batch", "POST", 405),
        ("/funding/\xff", "GET", 400),
    ],
)
def test_what_no_route_takes_is_refused(path: str, method: str, status: int) -> None:
    found = match(path, method=method)
    assert isinstance(found, Response)
    assert found.status == HTTPStatus(status)


def test_routes_that_take_long() -> None:
    router = Router(
        [
            Route("/long", fixed, takes_long=True),
            Route("/funding/<symbol>/long", named, takes_long=True),
            Route("/funding/<symbol>", named),
        ]
    )
    asked = ("/long", "/funding/BTCUSDT/long", "/funding/BTCUSDT", "/longer")
    assert [router.takes_long(path) for path in asked] == [True, True, False, False]
    assert not ROUTER.takes_long("/funding/BTCUSDT")
