"""The description of the API, made from its routes."""

import re
from typing import Any

import msgspec
import pytest

from funding.api import openapi
from funding.api.parameters import FORMAT, whole
from funding.api.responses import Response, reply
from funding.api.router import About, Route
from funding.api.tables import Table


class _Row(msgspec.Struct, rename="camel"):
    """A row."""

    mark_price: float | None
    note: str


def _handler(_environ: Any) -> Response:
    return reply(None)


ROUTES = [
    Route("/", _handler, (), About("What this is.", _Row)),
    Route(
        "/rows/<symbol>",
        _handler,
        (whole("days", 1, 9), FORMAT),
        About("Rows & <more>.", Table[_Row], ["days"]),
    ),
    Route("/files/<name:path>", _handler, (), About("Files.", media="*/*")),
]


@pytest.fixture
def document() -> Any:
    return msgspec.json.decode(msgspec.json.encode(openapi.document(ROUTES, "1.2")))


def test_every_route_is_a_path(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert list(document["paths"]) == ["/", "/rows/{symbol}", "/files/{name}"]
    names = {entry["get"]["operationId"] for entry in document["paths"].values()}
    assert names == {"index", "rows_symbol", "files_name"}


def test_parameters_are_those_of_the_route(document: Any) -> None:
    symbol, days, form = document["paths"]["/rows/{symbol}"]["get"]["parameters"]
    assert (symbol["in"], symbol["required"]) == ("path", True)
    assert (days["name"], days["required"]) == ("days", True)
    assert days["schema"] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert (form["name"], form["required"]) == ("format", False)
    assert form["schema"]["enum"] == ["json", "csv"]


def test_answers_have_a_schema_and_tables_are_csv_too(document: Any) -> None:
    responses = document["paths"]["/rows/{symbol}"]["get"]["responses"]
    content = responses["200"]["content"]
    assert [media.partition(";")[0] for media in content] == ["application/json", "text/csv"]
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    schemas = document["components"]["schemas"]
    assert set(schemas[name]["properties"]) == {"data", "total"}
    assert set(schemas["_Row"]["properties"]) == {"markPrice", "note"}
    assert set(responses) == {"200", "304", "400", "404", "503", "default"}
    assert "304" not in document["paths"]["/"]["get"]["responses"]
    files = document["paths"]["/files/{name}"]["get"]["responses"]["200"]["content"]
    assert list(files) == ["*/*"]


def test_every_reference_leads_somewhere(document: Any) -> None:
    text = msgspec.json.encode(document).decode()
    found = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert found <= set(document["components"]["schemas"])
    assert "Error" in found


def test_a_page_without_scripts() -> None:
    text = openapi.page(ROUTES, "1.2").decode()
    assert "<h2>/rows/{symbol}</h2><p>Rows &amp; &lt;more&gt;.</p>" in text
    assert "<code>data[].markPrice</code></td><td>number or null" in text
    assert "<script" not in text
    assert "http" not in text
    assert openapi.STYLE in text
    assert "'unsafe" not in openapi.PAGE_HEADERS["Content-Security-Policy"]
