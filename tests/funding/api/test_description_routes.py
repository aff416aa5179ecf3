"""The description of all routes beside what they answer."""

import base64
import csv
import hashlib
import io
import re
from typing import Any

import msgspec
import pytest

from funding.api.parameters import FORMAT
from funding.api.router import JSON, Route
from funding.health.verdict import Limits
from tests.funding.api.test_compare_routes import LISTED
from tests.funding.api.test_history_routes import bar, settle, signal
from tests.funding.api.test_metrics_routes import fill
from tests.support.api_world import World
from tests.support.wsgi import ask

QUERIES = {"symbols": "BTCUSDT", "asset": "BTC"}


@pytest.fixture
def full(world: World) -> World:
    """Something of everything."""
    fill(world)
    world.copy_to_kucoin()
    for exchange, hours in (("binance", 8), ("kucoin", 4)):
        world.execute(LISTED.format(exchange, "TRADING", 1, hours))
    settle(world, ("BTCUSDT", int(world.wall * 1000) - 60_000, 0.0003))
    bar(world, world.wall - 60)
    signal(world, world.wall)
    world.execute(
        "INSERT INTO comparison (compared_at, source, exchange, symbol, field, outcome, explained)"
        f" VALUES ({world.wall}, 'w', 'binance', 'BTCUSDT', 'mark_price', 'match', 1)"
    )
    return world


def targets(world: World) -> list[tuple[Route, str]]:
    """A request for each route."""
    found = []
    for route in world.api().routes:
        query = "&".join(f"{name}={QUERIES[name]}" for name in route.about.required)
        path = route.path.replace("<symbol>", "BTCUSDT").replace("<name:path>", "page.css")
        found.append((route, f"{path}?{query}" if query else path))
    return found


def test_every_route_is_described(world: World) -> None:
    routes = world.api().routes
    document = ask(world.app(), "/openapi.json").json
    paths = {re.sub("<([a-z]+)[^>]*>", r"{\1}", route.path) for route in routes}
    assert set(document["paths"]) == paths
    assert all(entry["get"]["summary"].endswith(".") for entry in document["paths"].values())


def test_every_answer_is_what_its_description_says(full: World) -> None:
    """No field is missing, and none is there that is not described."""
    app = full.app(Limits(180.0, 1))
    described = [each for each in targets(full) if each[0].about.media == JSON]
    assert len(described) > 15
    for route, target in described:
        answer = ask(app, target)
        assert answer.status == 200, target
        assert answer.headers["content-type"] == JSON
        read = msgspec.json.decode(answer.body, type=route.about.answer)
        assert msgspec.to_builtins(read) == answer.json, target


def test_every_table_has_csv_of_its_rows(full: World) -> None:
    app = full.app()
    tables = [each for each in targets(full) if FORMAT in each[0].parameters]
    assert len(tables) == 10
    for _, target in tables:
        rows: list[dict[str, Any]] = ask(app, target).json["data"]
        answer = ask(app, f"{target}{'&' if '?' in target else '?'}format=csv")
        assert answer.headers["content-type"].startswith("text/csv")
        found = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
        assert rows, target
        assert len(found) == len(rows), target
        assert set(found[0]) >= set(rows[0]), target


def test_other_answers_have_the_type_that_is_described(full: World) -> None:
    app = full.app()
    for path, kind in (("/docs", "text/html; charset=utf-8"), ("/metrics", "text/plain")):
        route = next(route for route, _ in targets(full) if route.path == path)
        answer = ask(app, path)
        assert answer.headers["content-type"] == route.about.media
        assert route.about.media.startswith(kind)


def test_the_page_brings_its_style_and_nothing_else(world: World) -> None:
    answer = ask(world.app(), "/docs")
    policy = answer.headers["content-security-policy"]
    text = answer.body.decode()
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"<(script|link|img|iframe)|\sstyle=|\son\w+=", text)
    for route, _ in targets(world):
        assert re.sub("<([a-z]+)[^>]*>", r"{\1}", route.path) in text


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/healthz"])
def test_they_need_no_database(bare: World, path: str) -> None:
    app = bare.app()
    answer = ask(app, path)
    assert answer.status == 200
    if path != "/healthz":
        assert ask(app, path, if_none_match=answer.headers["etag"]).status == 304
