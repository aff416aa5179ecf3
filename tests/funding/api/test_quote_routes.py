"""The routes of one quote and of several, held to the contract sentence by sentence."""

import re
from urllib.parse import quote as percent
from urllib.parse import unquote

import pytest

from funding.api.parameters import SYMBOLS
from tests.support.api_world import BTC, ETH, HEALTH, ROW, World, again, plain, refused
from tests.support.wsgi import ask

BATCH = ["data", "found", "missing", "total", "missingSymbols", "staleSymbols"]


# One symbol


def test_one_symbol(world: World) -> None:
    world.later(1.9)
    answer = ask(world.app(), "/funding/BTCUSDT")
    assert answer.status == 200
    plain(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert list(answer.json) == ROW
    assert answer.json == {
        "symbol": "BTCUSDT",
        "markPrice": 91897.67414493,
        "fundingRate": 0.00001864,
        "nextFundingTime": 1764748800000,
        "indexPrice": 91930.87652174,
        "updatedAt": 1764725610.163,
        "ageSeconds": 1.9,
        "lastUpdateTime": 1764725610,
        "eventTime": 1764725610000,
        "exchange": "binance",
        "status": None,
        "fundingIntervalHours": None,
        "intervalSource": None,
        "annualizedRate": None,
        "zScore": None,
        "zReason": "no statistics yet",
        "percentile": None,
        "zone": None,
        "source": "websocket",
    }


def test_a_contract_without_funding_says_null(world: World) -> None:
    found = ask(world.app(), "/funding/BTCUSDT_261225").json
    assert found["fundingRate"] is None
    assert found["nextFundingTime"] is None


@pytest.mark.parametrize("spelling", ["btcusdt", "BtcUsdt", "%42TCUSDT"])
def test_ascii_case_and_spelling_do_not_matter(world: World, spelling: str) -> None:
    assert ask(world.app(), f"/funding/{spelling}").json["symbol"] == "BTCUSDT"


@pytest.mark.parametrize("symbol", ["币安人生USDT", "币安人生usdt"])
def test_a_utf8_symbol_percent_encoded(world: World, symbol: str) -> None:
    answer = ask(world.app(), f"/funding/{percent(symbol)}")
    assert answer.status == 200
    assert answer.json["symbol"] == "币安人生USDT"
    assert "币安人生USDT".encode() in answer.body


UNKNOWN = [
    "NOPEUSDT",
    "BTCUSDT ",
    "BTCUSDT\0",
    "BTCUSDT\r\nX-Evil: 1",
    "\x1b[2J",
    "' OR 1=1 --",
    "%",
    "_TCUSDT",
    "币安人生",
    "ＢＴＣＵＳＤＴ",
    "<script>",
    '"}{"',
    "batch ",
]


@pytest.mark.parametrize("symbol", UNKNOWN)
def test_an_unknown_symbol_is_named_in_a_404(world: World, symbol: str) -> None:
    body = refused(ask(world.app(), f"/funding/{percent(symbol)}"), 404, "unknown symbol")
    assert body == {"error": "unknown symbol", "symbol": symbol}


def test_a_very_long_symbol_is_not_repeated_in_full(world: World) -> None:
    answer = ask(world.app(), "/funding/" + "A" * 100_000)
    refused(answer, 404, "unknown symbol")
    assert len(answer.body) < 300


def test_a_letter_that_upper_case_would_change_is_another_symbol(world: World) -> None:
    world.frame(again(BTC, 1, symbol="ßUSDT"))
    app = world.app()
    assert ask(app, f"/funding/{percent('ßusdt')}").status == 200
    assert ask(app, "/funding/SSUSDT").status == 404


def test_no_symbol_takes_the_place_of_a_route(world: World) -> None:
    app = world.app()
    world.frame(*(again(BTC, 1, symbol=name) for name in ("HEALTH", "BATCH")))
    assert list(ask(app, "/funding/health").json) == HEALTH
    assert ask(app, "/funding/batch").status == 400
    assert ask(app, "/funding/HEALTH").json["symbol"] == "HEALTH"


def test_bytes_are_not_taken_for_letters(world: World) -> None:
    app = world.app()
    world.frame(again(BTC, 1, symbol="äUSDT".encode().decode("latin-1")))
    assert ask(app, f"/funding/{percent('äUSDT')}").status == 404


def test_a_stale_quote(world: World) -> None:
    world.later(180.0)
    assert ask(world.app(), "/funding/btcusdt").status == 200
    world.later(20.5)
    body = refused(ask(world.app(), "/funding/btcusdt"), 503, "stale")
    assert list(body) == ["error", "symbol", "ageSeconds", "maxAgeSeconds", "last"]
    assert (body["symbol"], body["ageSeconds"], body["maxAgeSeconds"]) == ("BTCUSDT", 200.5, 180)
    assert list(body["last"]) == ROW
    assert body["last"]["markPrice"] == 91897.67414493


# Several symbols


def test_a_batch(world: World) -> None:
    world.later(1.9)
    answer = ask(world.app(), "/funding/batch?symbols=ETHUSDT,BTCUSDT")
    assert answer.status == 200
    plain(answer)
    assert list(answer.json) == BATCH
    rows = answer.json.pop("data")
    assert [list(row) for row in rows] == [[*ROW, "stale"]] * 2
    assert [row["symbol"] for row in rows] == ["ETHUSDT", "BTCUSDT"]
    assert {key: value for key, value in answer.json.items() if key != "data"} == {
        "found": 2,
        "missing": 0,
        "total": 2,
        "missingSymbols": [],
        "staleSymbols": [],
    }
    one = ask(world.app(), "/funding/BTCUSDT").json
    assert rows[1] == one | {"stale": False}


def test_a_batch_names_what_is_missing_and_what_is_stale(world: World) -> None:
    world.later(170)
    world.frame(again(ETH, 170))
    world.later(20)
    query = f"nope,{percent('币安人生usdt')},ethusdt,{percent('龙虾')}"
    answer = ask(world.app(), f"/funding/batch?symbols={query}")
    assert answer.status == 200
    found = answer.json
    assert [(r["symbol"], r["stale"]) for r in found["data"]] == [
        ("币安人生USDT", True),
        ("ETHUSDT", False),
    ]
    assert (found["found"], found["missing"], found["total"]) == (2, 2, 4)
    assert found["missingSymbols"] == ["nope", "龙虾"]
    assert found["staleSymbols"] == ["币安人生USDT"]


def test_a_symbol_asked_twice_is_answered_twice(world: World) -> None:
    found = ask(world.app(), "/funding/batch?symbols=BTCUSDT,ETHUSDT,btcusdt,NO,NO").json
    assert [row["symbol"] for row in found["data"]] == ["BTCUSDT", "ETHUSDT", "BTCUSDT"]
    assert (found["found"], found["missing"], found["total"]) == (3, 2, 5)
    assert found["missingSymbols"] == ["NO", "NO"]


@pytest.mark.parametrize(
    "query",
    [
        f"symbols=BTCUSDT,{percent('币安人生USDT')}",
        f"symbols=BTCUSDT&symbols={percent('币安人生USDT')}",
        f"symbols=BTCUSDT%2C{percent('币安人生USDT')}",
        f"symbols=,BTCUSDT,,{percent('币安人生usdt')},",
        f"&&symbols=btcusdt,{percent('币安人生USDT')}&",
        f"%73ymbols=BTCUSDT,{percent('币安人生USDT')}",
    ],
)
def test_spellings_of_one_query(world: World, query: str) -> None:
    found = ask(world.app(), f"/funding/batch?{query}").json
    assert [row["symbol"] for row in found["data"]] == ["BTCUSDT", "币安人生USDT"]
    assert found["missing"] == 0


def test_symbols_with_characters_of_other_languages_are_only_missing(world: World) -> None:
    asked = ["BTCUSDT\0", "a\nb", "'", '"', "[", "\\", "*", "BTC%", "😀"]
    query = ",".join(percent(symbol) for symbol in asked)
    found = ask(world.app(), f"/funding/batch?symbols={query}").json
    assert (found["found"], found["missingSymbols"]) == (0, asked)


@pytest.mark.parametrize("text", ["", ",", " , ", "\u2003", ":", "BTCUSDT", " A,", "龙"])
def test_a_batch_refuses_what_its_description_refuses(world: World, text: str) -> None:
    described = re.search(str((SYMBOLS.schema or {})["pattern"]), text) is not None
    answer = ask(world.app(), f"/funding/batch?symbols={percent(text)}")
    assert answer.status == (200 if described else 400)


@pytest.mark.parametrize("target", ["batch", "batch?", "batch?symbols=", "batch?symbols=,,"])
def test_a_batch_without_symbols(world: World, target: str) -> None:
    answer = ask(world.app(), f"/funding/{target}")
    text = "no symbols: ask /funding/batch?symbols=BTCUSDT,ETHUSDT"
    refused(answer, 400, text)


def test_a_batch_of_2000_and_one_more(world: World) -> None:
    symbols = ["BTCUSDT"] + [f"S{number}USDT" for number in range(1_999)]
    found = ask(world.app(), f"/funding/batch?symbols={','.join(symbols)}")
    assert found.status == 200
    assert (found.json["found"], found.json["missing"], found.json["total"]) == (1, 1_999, 2_000)
    assert found.json["missingSymbols"] == symbols[1:]
    more = ask(world.app(), f"/funding/batch?symbols={','.join([*symbols, 'X'])}")
    body = refused(more, 400, "at most 2000 symbols at once")
    assert body["asked"] == 2_001


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "fstream.binance.com", "::1", "a\r\nb", "币.example"]
)
def test_each_answer_names_the_host_of_the_stream(bare: World, address: str) -> None:
    app = bare.app()
    assert "feed-address" not in ask(app, "/funding/BTCUSDT").headers
    bare.begin(address)
    bare.frame(BTC)
    tag = ask(app, "/funding").headers["etag"]
    for answer in (
        *(ask(app, path) for path in ("/funding/BTCUSDT", "/funding/NO", "/funding")),
        ask(app, "/funding/batch?symbols=BTCUSDT"),
        ask(app, "/funding", if_none_match=tag),
    ):
        assert unquote(answer.headers["feed-address"]) == address
    bare.writer.close()
    bare.path.unlink()
    bare.begin("other.example")
    bare.frame(BTC)
    assert ask(app, "/funding/BTCUSDT").headers["feed-address"] == "other.example"


@pytest.mark.parametrize("query", ["symbols=BTC%FFUSDT", "symbols=%ED%A0%80", "symbols=%C3"])
def test_a_query_that_is_not_utf8_is_refused(world: World, query: str) -> None:
    refused(ask(world.app(), f"/funding/batch?{query}"), 400, "the query is not UTF-8")


@pytest.mark.parametrize("path", ["", "funding", "funding/BTCUSDT", "funding/batch", "health"])
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("stream=csv", "stream"),
        ("stream=csv&since=1", "stream, since"),
        ("symbols=BTCUSDT&pretty", "symbols, pretty"),
        ("SYMBOLS=BTCUSDT", "SYMBOLS"),
        (f"{percent('符号')}=1", "符号"),
        ("=1", ""),
    ],
)
def test_a_parameter_that_no_route_knows_is_named(
    world: World, path: str, query: str, names: str
) -> None:
    if path == "funding/batch":
        names = names.removeprefix("symbols, ")
    refused(ask(world.app(), f"/{path}?{query}"), 400, f"unknown parameter: {names}")


def test_unknown_parameters_are_named_briefly(world: World) -> None:
    query = "&".join(f"{letter * 1_000}=1" for letter in "abcdefgh")
    found = ask(world.app(), f"/funding?{query}")
    assert found.status == 400
    assert len(found.body) < 700


def test_long_missing_symbols_are_not_repeated_in_full(world: World) -> None:
    answer = ask(world.app(), "/funding/batch?symbols=" + "A" * 100_000)
    assert (answer.status, answer.json["missing"]) == (200, 1)
    assert len(answer.body) < 300
