"""The description of the API, made from its routes: OpenAPI 3.1, and a page to read. Pure.

# Facts
- A schema of OpenAPI 3.1 is JSON Schema 2020-12, which is what msgspec makes of types.
"""

import html
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from funding.api.parameters import FORMAT, Parameter
from funding.api.router import JSON, Route
from funding.api.tables import CONTENT_TYPE as CSV

REF = "#/components/schemas/{name}"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem;
  color: CanvasText; background: Canvas; color-scheme: light dark; }
h2 { font: bold 1rem ui-monospace, monospace; overflow-wrap: anywhere;
  border-top: 1px solid GrayText; padding-top: 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { text-align: left; vertical-align: top; padding: 0 1rem 0 0; }
code { font-family: ui-monospace, monospace; }
"""
_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
PAGE_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
}
_ERRORS = {
    "400": "a parameter cannot be read, or the route does not know it",
    "404": "there is no such symbol or asset",
    "503": "not ready, not fresh, or no place: `error` and `reasons` say which",
    "default": "any other error",
}
_NOT_HERE = "an API that follows takers by NATS asks one of them, and none answers: see `reasons`"


class Error(msgspec.Struct):
    """Every error: what is wrong, and often more beside it."""

    error: str


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The OpenAPI document."""
    types = [route.about.answer for route in routes if route.about.media == JSON]
    _, schemas = msgspec.json.schema_components([Error, *types], ref_template=REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "funding",
            "version": version,
            "description": "Mark prices and funding rates of perpetual futures, on this machine.",
        },
        "paths": {_path(route): {"get": _operation(route)} for route in routes},
        "components": {"schemas": schemas},
    }


def _path(route: Route) -> str:
    return re.sub("<([a-z]+)[^>]*>", r"{\1}", route.path)


def _operation(route: Route) -> dict[str, Any]:
    named = re.findall("{([a-z]+)}", _path(route))
    parts = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in named
    ]
    return {
        "summary": route.about.summary,
        "operationId": _path(route).strip("/").translate(str.maketrans("/.", "__", "{}"))
        or "index",
        "parameters": [*parts, *(_parameter(each, route) for each in route.parameters)],
        "responses": _responses(route),
    }


def _parameter(parameter: Parameter, route: Route) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.name in route.about.required,
        "description": parameter.expected,
        "schema": parameter.schema or {"type": "string"},
    }


def _responses(route: Route) -> dict[str, Any]:
    schema: Any = {"type": "string"}
    if route.about.media == JSON:
        ((schema,), _) = msgspec.json.schema_components([route.about.answer], ref_template=REF)
    content = {route.about.media: {"schema": schema}}
    found: dict[str, Any] = {"200": {"description": "the answer", "content": content}}
    if FORMAT in route.parameters:
        content[CSV] = {"schema": {"type": "string"}}
        found["304"] = {"description": "what If-None-Match names has not changed"}
    error = {JSON: {"schema": {"$ref": REF.format(name=Error.__name__)}}}
    errors = {"501": _NOT_HERE, **_ERRORS} if route.tables else _ERRORS
    return found | {code: {"description": text, "content": error} for code, text in errors.items()}


def page(routes: Sequence[Route], version: str) -> bytes:
    """The same to read: HTML without scripts, to be sent with PAGE_HEADERS."""
    described = document(routes, version)
    schemas = described["components"]["schemas"]
    parts = [_entry(path, entry["get"], schemas) for path, entry in described["paths"].items()]
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>funding: the API</title>'
        f"<style>{STYLE}</style></head><body><h1>The API</h1>"
        "<p>GET and HEAD, JSON in UTF-8. Every error is JSON with <code>error</code>. "
        '<a href="/openapi.json">openapi.json</a> is for programs.</p>'
        f"{''.join(parts)}</body></html>"
    )
    return text.encode()


def _entry(path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    rows = [
        (each["name"], each.get("description", "in the path"), "required" * each["required"])
        for each in operation["parameters"]
    ]
    answer = next(iter(operation["responses"]["200"]["content"].values()))["schema"]
    lines = list(_fields(answer, schemas))
    return (
        f"<h2>{html.escape(path)}</h2><p>{html.escape(operation['summary'])}</p>"
        f"{_table('Parameters', rows)}{_table('Answer', lines)}"
    )


def _table(title: str, rows: Iterable[tuple[str, str, str]]) -> str:
    lines = [
        f"<tr><td><code>{html.escape(name)}</code></td><td>{html.escape(text)}</td>"
        f"<td>{html.escape(more)}</td></tr>"
        for name, text, more in rows
    ]
    return f"<h3>{title}</h3><table>{''.join(lines)}</table>" if lines else ""


def _fields(
    schema: Any, schemas: dict[str, Any], before: str = ""
) -> Iterable[tuple[str, str, str]]:
    """The fields of an answer, those of its rows as `data[].symbol`."""
    for name, field in _resolved(schema, schemas).get("properties", {}).items():
        here = f"{before}{name}"
        inner = field.get("items")
        yield here, _kind(field, schemas), ""
        if inner is not None:
            yield from _fields(inner, schemas, f"{here}[].")


def _resolved(schema: Any, schemas: dict[str, Any]) -> Any:
    reference = schema.get("$ref", "")
    return schemas[reference.rpartition("/")[2]] if reference else schema


def _kind(schema: Any, schemas: dict[str, Any]) -> str:
    found = _resolved(schema, schemas)
    if "anyOf" in found:
        return " or ".join(_kind(each, schemas) for each in found["anyOf"])
    if "enum" in found:
        return ", ".join(str(each) for each in found["enum"])
    return str(found.get("type", "any"))
