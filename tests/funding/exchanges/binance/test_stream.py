"""The Binance decoder: every form of message, every kind of bad row, and rubbish."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.errors import FrameError
from funding.exchanges.binance import stream as binance
from funding.exchanges.binance.stream import MAX_ROWS, MAX_SYMBOL_LENGTH, decode
from funding.exchanges.frame import Frame
from funding.model.quote import Quote

NOW = 1_790_161_600.0
E_MS = 1_790_161_545_000
T_MS = 1_790_179_200_000
STREAM = "!markPrice@arr@1s"
DAY_MS = 86_400_000

# Key order and keys as on the wire.
BTC: dict[str, Any] = {
    "e": "markPriceUpdate",
    "E": E_MS,
    "s": "BTCUSDT",
    "p": "85840.40234633",
    "ap": "85841.00000000",
    "P": "85863.42568007",
    "i": "85882.44043478",
    "r": "0.00005016",
    "T": T_MS,
    "st": 1,
}
BTC_QUOTE = Quote("BTCUSDT", 85840.40234633, 85882.44043478, 0.00005016, T_MS, E_MS)
ETH = {**BTC, "s": "ETHUSDT", "p": "2715.93000000", "i": "2717.21325581", "r": "-0.00006061"}
ETH_QUOTE = Quote("ETHUSDT", 2715.93, 2717.21325581, -0.00006061, T_MS, E_MS)
TICKER = {
    "e": "24hrTicker",
    "E": E_MS,
    "s": "BTCUSDT",
    "ps": "BTCUSDT",
    "p": "4463.40",
    "P": "5.12",
    "i": "4463.40",
    "r": "0.1",
    "T": T_MS,
    "st": 1,
}


def encoded(message: object) -> bytes:
    """`message` as the exchange would send it."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def enveloped(data: object, stream: str = STREAM) -> bytes:
    """`data` as a combined stream sends it."""
    return encoded({"stream": stream, "data": data})


def row(**changes: object) -> dict[str, object]:
    """The Bitcoin row with `changes`."""
    return {**BTC, **changes}


def without(key: str) -> dict[str, object]:
    """The Bitcoin row without `key`."""
    return {name: value for name, value in BTC.items() if name != key}


GOOD_FORMS = {
    "envelope": enveloped([BTC, ETH]),
    "envelope of the 3 s stream": enveloped([BTC, ETH], "!markPrice@arr"),
    "envelope, data first": encoded({"data": [BTC, ETH], "stream": STREAM}),
    "envelope with unknown keys": encoded({"x": [1], "stream": STREAM, "data": [BTC, ETH]}),
    "bare array": encoded([BTC, ETH]),
    "blanks and line ends": b" \r\n\t" + json.dumps([BTC, ETH], indent=2).encode() + b"\n",
}
SINGLE_FORMS = {
    "bare object": encoded(BTC),
    "array of one": encoded([BTC]),
    "one symbol's stream": enveloped(BTC, "btcusdt@markPrice@1s"),
    "one symbol's 3 s stream": enveloped(BTC, "btcusdt@markPrice"),
    "one symbol's stream, blanks": b'{"stream":"btcusdt@markPrice", "data": ' + encoded(BTC) + b"}",
}
NO_QUOTES = {
    "acknowledgement": (b'{"result":null,"id":1}', "acknowledgement"),
    "error": (b'{"error":{"code":4,"msg":"Too many subscriptions"},"id":1}', "error"),
    "empty object": (b"{}", "other"),
    "unknown object": (b'{"a":1,"b":[2]}', "other"),
    "bare ticker": (encoded(TICKER), "event 24hrTicker"),
    "bare ticker array": (encoded([TICKER]), "event 24hrTicker"),
    "ticker stream": (enveloped([TICKER], "!ticker@arr"), "stream !ticker@arr"),
    "ticker in the mark price stream": (enveloped([TICKER]), "event 24hrTicker"),
    "mark prices in a ticker's stream": (enveloped([BTC], "!ticker@arr"), "stream !ticker@arr"),
    "one symbol's ticker": (enveloped(TICKER, "btcusdt@ticker"), "stream btcusdt@ticker"),
    "no stream's name": (encoded({"data": [BTC]}), "stream without name"),
    "two names": (enveloped([BTC], f"x{STREAM}"), f"stream x{STREAM}"),
    "a longer name": (enveloped([BTC], f"{STREAM}x"), f"stream {STREAM}x"),
    "a name on two lines": (enveloped([BTC], f"{STREAM}\n"), f"stream {STREAM}\n"),
    "shutdown": (b'{"event":{"e":"serverShutdown","E":1790161545000}}', "event serverShutdown"),
    "bare shutdown": (b'{"e":"serverShutdown","E":1790161545000}', "event serverShutdown"),
    "unreadable event": (b'{"event":[1]}', "event unreadable"),
    "coin-margined": (encoded([row(s="BTCUSD_PERP", st=2)]), "coin-margined"),
    "coin-margined, older funding": (encoded([row(st=2, r="", T=0)]), "coin-margined"),
    "another symbol type": (encoded([row(st=3)]), "unknown symbol type"),
    "another event": (encoded([row(e="markPriceUpdate2")]), "event markPriceUpdate2"),
}
NO_NUMBERS = ["", "abc", "NaN", "nan", "Infinity", "-Infinity", "1e5", "1_000", " 1", "1 ", "+1"]
NO_NUMBERS += ["0x10", "1,5", "1.", ".5", "1.2.3", "٣", "１", "1\n", "--1", "9" * 31, "9" * 5_000]
BAD_PRICES = [*NO_NUMBERS, "-1", "-0.00000001", "1000000000000.1"]
NO_TIMES = [-1, 1, 1_483_228_799_999, 2**53, 2**63, -(2**63)]
BAD_SYMBOLS = ["", " ", "BTC USDT", "BTC\nUSDT", "BTC\rUSDT", "\x1b[2J", "\0", "\x7f", "A\u2028B"]
BAD_SYMBOLS += ["A\u202eB", "A\u200bB", "\ufeffA", "A\u00a0B", "A" * (MAX_SYMBOL_LENGTH + 1)]

BAD_ROWS: list[tuple[str, object]] = [
    *(("symbol", row(s=symbol)) for symbol in BAD_SYMBOLS),
    *(("mark price", row(p=price)) for price in [*BAD_PRICES, "0", "0.00000000"]),
    *(("index price", row(i=price)) for price in BAD_PRICES),
    *(("funding rate", row(r=rate)) for rate in [*NO_NUMBERS[1:], "1", "-1", "2"]),
    *(("event time", row(E=at)) for at in [*NO_TIMES[:4], 0, int(NOW * 1000) + DAY_MS + 1]),
    *(("next funding time", row(T=at)) for at in [*NO_TIMES[:4], E_MS + 367 * DAY_MS]),
    *(("form", without(key)) for key in ["E", "s", "p", "i", "r", "T"]),
    *(("form", row(**{key: None})) for key in ["e", "E", "s", "p", "i", "r", "T", "st"]),
    *(("form", row(**{key: 1.5})) for key in ["e", "E", "s", "p", "i", "r", "T", "st"]),
    *(("form", row(**{key: True})) for key in ["e", "E", "s", "p", "i", "r", "T", "st"]),
    *(("form", row(**{key: "1"})) for key in ["E", "T", "st"]),
    *(("form", row(**{key: [BTC]})) for key in ["e", "E", "s", "p", "i", "r", "T", "st"]),
    *(("event time", row(E=at)) for at in [2**64, 10**4000]),
    *(("next funding time", row(T=at)) for at in [2**64, 10**4000]),
    *(("form", other) for other in [None, 1, "BTCUSDT", True, [], [BTC], 1.5]),
]


def shown(value: object) -> str:
    """A short name of a case."""
    return ascii(value)[:60]


@pytest.mark.parametrize("payload", GOOD_FORMS.values(), ids=GOOD_FORMS)
def test_quotes_come_in_every_form(payload: bytes) -> None:
    assert decode(payload, NOW) == Frame([BTC_QUOTE, ETH_QUOTE], event_time=E_MS)


@pytest.mark.parametrize("payload", SINGLE_FORMS.values(), ids=SINGLE_FORMS)
def test_one_quote_comes_in_every_form(payload: bytes) -> None:
    assert decode(payload, NOW) == Frame([BTC_QUOTE], event_time=E_MS)


@pytest.mark.parametrize(("payload", "name"), NO_QUOTES.values(), ids=NO_QUOTES)
def test_what_is_no_quote_is_counted_and_ignored(payload: bytes, name: str) -> None:
    frame = decode(payload, NOW)
    assert frame.quotes == []
    assert frame.event_time == 0
    assert frame.ignored == {name: 1}
    assert not frame.rejected
    assert frame.samples == {}


def test_an_empty_frame_is_no_error() -> None:
    assert decode(b"[]", NOW) == Frame([])
    assert decode(enveloped([]), NOW) == Frame([])


def test_a_price_change_never_passes_for_a_price() -> None:
    frame = decode(enveloped([BTC, TICKER, ETH]), NOW)
    assert frame.quotes == [BTC_QUOTE, ETH_QUOTE]
    assert frame.ignored == {"event 24hrTicker": 1}


def test_a_coin_margined_row_is_dropped_from_among_others() -> None:
    frame = decode(enveloped([row(s="BTCUSD_PERP", st=2), BTC, row(s="X", st=2)]), NOW)
    assert frame.quotes == [BTC_QUOTE]
    assert frame.ignored == {"coin-margined": 2}


def test_a_name_from_outside_is_kept_short() -> None:
    name = "x" * 5_000
    for payload in [
        encoded([row(e=name)]),
        encoded({"e": name}),
        enveloped([BTC], name),
        encoded({"event": {"e": name}}),
        encoded([{"e": name}]),
    ]:
        frame = decode(payload, NOW)
        assert max(map(len, [*frame.ignored, *frame.rejected])) < 60
        assert all(len(sample) <= 300 for sample in frame.samples.values())


@pytest.mark.parametrize("value", [b"0", b"{}", b'"x"', b"null"])
def test_an_odd_word_beside_the_rows_costs_nothing(
    value: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = b'{"e":' + value + b"," + enveloped([BTC])[1:]
    assert len(decode(payload, NOW).quotes) == 1
    monkeypatch.setattr("funding.exchanges.binance.stream._ordinary", lambda _: None)
    assert len(decode(payload, NOW).quotes) == 1


def test_an_error_is_told_with_its_text() -> None:
    frame = decode(b'{"error":{"code":4,"msg":"Too many subscriptions"},"id":1}', NOW)
    assert "Too many subscriptions" in frame.notice
    assert not frame.ending


def test_a_long_error_is_told_in_part() -> None:
    assert len(decode(encoded({"error": "é" * 100_000}), NOW).notice) < 300


def test_an_announced_end_is_told() -> None:
    for payload in (NO_QUOTES["shutdown"][0], NO_QUOTES["bare shutdown"][0]):
        frame = decode(payload, NOW)
        assert frame.ending
        assert "shutdown" in frame.notice
    assert not decode(b'{"event":{"e":"other"}}', NOW).ending


@pytest.mark.parametrize(
    ("changes", "rate", "next_funding_time"),
    [
        ({"T": 0, "r": "0.00000000"}, None, None),  # a dated contract, as captured
        ({"T": 0, "r": ""}, None, None),
        ({"T": 0, "r": "0.0001"}, None, None),
        ({"r": ""}, None, T_MS),
        ({"r": "0.00000000"}, 0.0, T_MS),
        ({"r": "-0.00300000"}, -0.003, T_MS),
        ({"r": "0.99999999"}, 0.99999999, T_MS),
    ],
)
def test_a_contract_without_funding_has_none(
    changes: dict[str, object], rate: float | None, next_funding_time: int | None
) -> None:
    (quote,) = decode(encoded([row(**changes)]), NOW).quotes
    assert (quote.funding_rate, quote.next_funding_time) == (rate, next_funding_time)


@pytest.mark.parametrize("key", ["ap", "P", "st"])
def test_a_key_that_is_not_needed_may_be_absent(key: str) -> None:
    assert decode(encoded([without(key)]), NOW).quotes == [BTC_QUOTE]


@pytest.mark.parametrize("value", [None, 1, "x", [1, {"a": []}], {"p": "1", "s": "X"}, 10**400])
def test_unknown_keys_are_ignored(value: object) -> None:
    assert decode(encoded([{"new": value, **BTC, "p2": value}]), NOW).quotes == [BTC_QUOTE]


@pytest.mark.parametrize(
    "symbol", ["币安人生USDT", "我踏马来了USDT", "é", "BTCUSDT_260925", "Ａ" * 40]
)
def test_symbols_are_utf_8(symbol: str) -> None:
    escaped = json.dumps([row(s=symbol)]).encode("ascii")
    for payload in (encoded([row(s=symbol)]), escaped):
        (quote,) = decode(payload, NOW).quotes
        assert quote.symbol == symbol


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        ({"p": "0.00000001"}, "mark_price", 1e-8),
        ({"p": "1000000000000"}, "mark_price", 1e12),
        ({"i": "0.00000000"}, "index_price", 0.0),  # a contract that is being settled
        ({"E": int(NOW * 1000) + DAY_MS}, "event_time", int(NOW * 1000) + DAY_MS),
        ({"E": 1_483_228_800_000}, "event_time", 1_483_228_800_000),
    ],
)
def test_the_bounds_themselves_are_good(
    changes: dict[str, object], attribute: str, value: float
) -> None:
    (quote,) = decode(encoded([row(**changes)]), NOW).quotes
    assert getattr(quote, attribute) == value


@pytest.mark.parametrize(("reason", "bad"), BAD_ROWS, ids=shown)
@pytest.mark.parametrize("wrap", [enveloped, encoded], ids=["envelope", "bare"])
def test_a_bad_row_costs_that_row_alone(
    wrap: Callable[[object], bytes], reason: str, bad: object
) -> None:
    frame = decode(wrap([BTC, bad, ETH]), NOW)
    assert frame.quotes == [BTC_QUOTE, ETH_QUOTE]
    assert frame.rejected == {reason: 1}
    assert frame.event_time == E_MS
    assert frame.samples[reason].startswith(f"{reason}: ")
    assert all(len(sample) <= 300 for sample in frame.samples.values())
    assert not frame.ignored


def test_every_bad_row_is_counted_by_its_reason() -> None:
    frame = decode(encoded([bad for _, bad in BAD_ROWS] + [BTC]), NOW)
    assert frame.quotes == [BTC_QUOTE]
    assert frame.rejected == Counter(reason for reason, _ in BAD_ROWS)


@pytest.mark.parametrize("times", [2**63, -(2**63), -(2**63) - 1, 2**64 - 1])
def test_the_ends_of_the_integers_are_refused(times: int) -> None:
    for key in ("E", "T"):
        frame = decode(encoded([BTC, row(**{key: times}), ETH]), NOW)
        assert frame.quotes == [BTC_QUOTE, ETH_QUOTE]
        assert frame.rejected.total() == 1


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 5_000, b"1.5e300", b"0.5"])
@pytest.mark.parametrize("key", [b"p", b"E", b"T", b"st"])
def test_a_number_that_is_no_whole_one_of_some_size_is_refused(key: bytes, number: bytes) -> None:
    bad = b'{"%b":%b,%b' % (key, number, encoded(without(key.decode()))[1:])
    frame = decode(b"[%b,%b,%b]" % (encoded(BTC), bad, encoded(ETH)), NOW)
    assert frame.quotes == [BTC_QUOTE, ETH_QUOTE]
    assert frame.rejected == {"form": 1}


@pytest.mark.parametrize("symbol", [b"\xff", b"A\xc3", b"\xed\xa0\x80"])
def test_a_symbol_that_is_no_utf_8_costs_its_row(symbol: bytes) -> None:
    bad = encoded(row(s="?")).replace(b'"?"', b'"' + symbol + b'"')
    frame = decode(b"[" + encoded(BTC) + b"," + bad + b"]", NOW)
    assert frame.quotes == [BTC_QUOTE]
    assert frame.rejected == {"form": 1}
    assert "".join(frame.samples.values()).encode()


@pytest.mark.parametrize(("lead", "kept"), [(900, True), (901, False), (3_600_000, False)])
def test_a_row_ahead_of_its_frame_would_outlive_the_next(lead: int, kept: bool) -> None:
    frame = decode(encoded([BTC, row(s="X", E=E_MS + lead), ETH]), NOW)
    assert ("X" in [quote.symbol for quote in frame.quotes]) is kept
    assert frame.rejected == ({} if kept else {"event time": 1})
    assert frame.event_time == E_MS


def test_a_row_behind_its_frame_is_kept() -> None:
    frame = decode(encoded([BTC, row(s="X", E=E_MS - 86_400_000), ETH]), NOW)
    assert [quote.symbol for quote in frame.quotes] == ["BTCUSDT", "X", "ETHUSDT"]
    assert frame.event_time == E_MS


NO_MESSAGES = [
    b"",
    b" ",
    b"null",
    b"1",
    b'"text"',
    b"true",
    b"Infinity",
    b"<html>503</html>",
    b"\xff\xfe",
    b"\xef\xbb\xbf[]",
    b"[",
    b"[]]",
    b"[],",
    b"{",
    b"{}{}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"{'stream':1}",
    enveloped(None),
    enveloped("text"),
    enveloped(1),
    encoded({"stream": 1, "data": []}),
    encoded({"stream": None, "data": []}),
    encoded({"e": 1}),
    b'[{"e":"markPriceUpdate","p":NaN}]',  # a word that JSON does not have
    b'[{"e":"markPriceUpdate","s":"\\ud800"}]',  # half a character: no text
    encoded([BTC])[:-1],
    encoded([BTC]) + encoded([ETH]),
    enveloped([BTC])[:-2] + b"}",
]


@pytest.mark.parametrize("payload", NO_MESSAGES, ids=shown)
def test_what_is_no_message_costs_that_frame(payload: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        decode(payload, NOW)
    assert len(str(caught.value)) < 300


def test_a_frame_has_a_bounded_number_of_rows() -> None:
    assert len(decode(encoded([BTC] * MAX_ROWS), NOW).quotes) == MAX_ROWS
    for rows in ([BTC] * (MAX_ROWS + 1), [1] * (MAX_ROWS + 1), [BTC, *[{}] * MAX_ROWS]):
        with pytest.raises(FrameError, match="rows"):
            decode(encoded(rows), NOW)


def test_a_large_frame_of_small_values_is_refused_before_it_takes_memory() -> None:
    with pytest.raises(FrameError, match="more than"):
        decode(b"[" + b"1," * 4_000_000 + b"1]", NOW)


SMALL = enveloped([BTC, {**ETH, "s": "币安人生USDT"}])
READ = {"BTCUSDT", "币安人生USDT"}


def survives(payload: bytes) -> Frame | None:
    """`payload` decoded; None when it costs the frame. Any other error is a defect."""
    try:
        frame = decode(payload, NOW)
    except FrameError:
        return None
    for quote in frame.quotes:
        assert 0 < quote.mark_price < float("inf")
        assert 0 <= quote.index_price < float("inf")
        assert quote.funding_rate is None or -1 < quote.funding_rate < 1
        assert 0 < len(quote.symbol) <= MAX_SYMBOL_LENGTH
        assert quote.symbol.isprintable()
        assert quote.event_time <= NOW * 1000 + DAY_MS
        assert quote.next_funding_time is None or quote.next_funding_time > 0
    # What is stored and logged must go out as UTF-8.
    "".join([*frame.samples.values(), frame.notice, *frame.ignored, *frame.rejected]).encode()
    return frame


def test_no_part_of_a_message_passes_for_the_whole() -> None:
    for end in range(len(SMALL)):
        assert survives(SMALL[:end]) is None


def test_every_byte_may_be_missing() -> None:
    for index in range(len(SMALL)):
        survives(SMALL[:index] + SMALL[index + 1 :])


def test_every_byte_may_be_another() -> None:
    for index in range(len(SMALL)):
        for other in b'\0"\\,:[]{}-.0e9 n\x1f\x80\xff':
            frame = survives(SMALL[:index] + bytes([other]) + SMALL[index + 1 :])
            # At most one row differs: the other one is still there where the frame is.
            if frame is not None and (frame.quotes or frame.rejected):
                assert READ & {quote.symbol for quote in frame.quotes}


@given(st.binary(max_size=200))
def test_arbitrary_bytes_cost_at_most_the_frame(payload: bytes) -> None:
    survives(payload)


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["stream", "data", "result", "error", "event", *BTC]), inner
        )
    ),
    max_leaves=30,
)


@given(JSON, st.booleans())
def test_arbitrary_json_costs_at_most_the_frame(message: object, wrapped: bool) -> None:
    payload = encoded(message)
    survives(b'{"stream":"!markPrice@arr","data":%b}' % payload if wrapped else payload)


@given(
    st.dictionaries(st.sampled_from(list(BTC)), JSON | st.sampled_from(NO_NUMBERS + BAD_SYMBOLS)),
    st.sets(st.sampled_from(list(BTC))),
)
def test_an_arbitrary_row_costs_at_most_itself(
    changes: dict[str, object], absent: set[str]
) -> None:
    odd = {key: value for key, value in row(**changes).items() if key not in absent}
    frame = survives(b"[%b,%b,%b]" % (encoded(BTC), encoded(odd), encoded(ETH)))
    assert frame is not None
    assert {BTC_QUOTE, ETH_QUOTE} <= set(frame.quotes)
    assert len(frame.quotes) + frame.rejected.total() + frame.ignored.total() == 3


@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=8))
def test_damaged_messages_cost_at_most_the_frame(damage: list[tuple[int, int]]) -> None:
    payload = bytearray(SMALL)
    for index, value in damage:
        payload[index] = value
    survives(bytes(payload))


def recording(recorded: Path, name: str) -> bytes:
    """A recorded payload, or the reason why there is none."""
    path = recorded / name
    if not path.is_file():
        pytest.skip(f"no recorded payload {path}")
    return path.read_bytes()


def test_recorded_messages_of_one_symbol_each(recorded: Path) -> None:
    text = recording(recorded, "recorded_2026-09-23_perp_and_dated_raw.ndjson")
    one, two = (decode(line, NOW) for line in text.splitlines())
    assert one == Frame(
        [Quote("BTCUSDT", 85840.40234633, 85882.44043478, 0.00005016, T_MS, 1790161527002)],
        event_time=1790161527002,
    )
    dated = Quote("BTCUSDT_260925", 85901.84762319, 85884.08695652, None, None, 1790161545000)
    assert two == Frame([dated], event_time=1790161545000)


def test_a_recorded_bare_array(recorded: Path) -> None:
    text = recording(recorded, "recorded_2026-10-05_markPrice_arr_1s_first2_raw.json")
    frame = decode(text, 1_791_201_678.5)
    assert [(q.symbol, q.mark_price, q.funding_rate) for q in frame.quotes] == [
        ("BTCUSDT", 86141.0, 0.00003779),
        ("ETHUSDT", 2715.93, 0.00006061),
    ]


def test_a_recorded_frame_of_the_tradfi_class(recorded: Path) -> None:
    text = recording(recorded, "polyoxide_2026-10-07_all_markPrice_arr_1s_tradfi_frame.json")
    frame = decode(text, 1_791_382_993.0)
    assert [(q.symbol, q.mark_price, q.index_price) for q in frame.quotes] == [
        ("XAUUSDT", 4103.9223318, 4100.14187735),
        ("XAGUSDT", 59.63, 59.59645451),
    ]
    assert frame.event_time == 1791382992684


def test_a_recorded_ticker_frame_has_no_quotes(recorded: Path) -> None:
    text = recording(recorded, "polyoxide_2026-10-07_all_ticker_arr.json")
    assert decode(text, 1_791_382_993.0).ignored == {"stream !ticker@arr": 1}
    rows = json.loads(text)["data"]
    for payload in (encoded(rows), enveloped(rows)):
        frame = decode(payload, 1_791_382_993.0)
        assert (frame.quotes, frame.ignored) == ([], {"event 24hrTicker": 2})


def test_recorded_error_replies_are_told(recorded: Path) -> None:
    replies = json.loads(recording(recorded, "error_replies.json"))
    messages = [reply["ws"] for reply in replies if "error" in reply.get("ws", {})]
    assert messages
    for message in messages:
        frame = decode(encoded(message), NOW)
        assert frame.ignored == {"error": 1}
        assert message["error"]["msg"] in frame.notice


def built(rest_row: dict[str, Any]) -> dict[str, object]:
    """A stream's row with the values of one of `GET /fapi/v1/premiumIndex`."""
    price = rest_row["markPrice"]
    return {
        "e": "markPriceUpdate",
        "E": rest_row["time"],
        "s": rest_row["symbol"],
        "p": price,
        "ap": price,
        "P": rest_row["estimatedSettlePrice"],
        "i": rest_row["indexPrice"],
        "r": rest_row["lastFundingRate"],
        "T": rest_row["nextFundingTime"],
        "st": 1,
    }


def test_a_frame_built_from_a_whole_rest_reply(recorded: Path) -> None:
    reply = json.loads(recording(recorded, "premiumIndex_all_2025-06-17.json"))
    frame = decode(enveloped([built(each) for each in reply]), 1_750_149_489.0)
    assert len(frame.quotes) == len(reply) == 521
    assert not frame.rejected
    assert not frame.ignored
    for quote, each in zip(frame.quotes, reply, strict=True):
        scheduled = each["nextFundingTime"] != 0
        assert quote == Quote(
            each["symbol"],
            float(each["markPrice"]),
            float(each["indexPrice"]),
            float(each["lastFundingRate"]) if scheduled else None,
            each["nextFundingTime"] if scheduled else None,
            each["time"],
        )
    assert sum(quote.funding_rate is None for quote in frame.quotes) == 4


def test_a_built_frame_cut_anywhere_costs_that_frame(recorded: Path) -> None:
    reply = json.loads(recording(recorded, "premiumIndex_all_2025-06-17.json"))
    payload = enveloped([built(each) for each in reply[:3]])
    for end in range(len(payload)):
        assert survives(payload[:end]) is None


NASTY = [
    "1", "1.", ".5", "1,2", "1e5", "-1", "-0", "", "nan", "1_0", " 1", "0", "1" * 31, "１", 5, None,
    -5, 0, 1_790_179_200_000, 10**19, "BTC USDT", "a" * 41, "\n", "24hrTicker", 2, 3, True, [], 1.5,
    "007", "00.5", "-0.5", "0.1" + "0" * 28 + "1", "0." + "9" * 30, "1" * 30 + "." + "1" * 30, "1]",
]  # fmt: skip


@pytest.mark.parametrize("key", ["e", "E", "s", "p", "i", "r", "T", "st"])
def test_the_fast_way_and_the_careful_way_agree(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {
        "e": "markPriceUpdate", "E": 1_790_161_527_002, "s": "BTCUSDT", "p": "85840.40234633",
        "i": "85882.44043478", "r": "0.00005016", "T": 1_790_179_200_000, "st": 1,
    }  # fmt: skip
    for value in NASTY:
        rows = [good, good | {"s": "ODD", key: value}, good | {"s": "ETHUSDT", "T": 0}]
        payload = json.dumps(rows).encode()
        fast = decode(payload, 1_790_161_527.0)
        with monkeypatch.context() as patched:
            patched.setattr(binance, "_undoubted", lambda *_: None)
            careful = decode(payload, 1_790_161_527.0)
        assert fast == careful, f"{key}={value!r}"


@pytest.mark.parametrize("key", ["p", "i", "r"])
def test_two_numbers_in_one_place_shift_no_other_row(key: str) -> None:
    small = BTC | {"p": "0.5", "i": "0.25", "r": "0.125"}
    rows = [small, small | {"s": "ODD", key: "0.75,0.75"}, small | {"s": "ETHUSDT"}]
    frame = decode(encoded(rows), NOW)
    assert [quote.symbol for quote in frame.quotes] == ["BTCUSDT", "ETHUSDT"]
    assert {(q.mark_price, q.index_price, q.funding_rate) for q in frame.quotes} == {
        (0.5, 0.25, 0.125)
    }
    assert frame.rejected.total() == 1


@given(st.from_regex(r"[0-9]{1,12}\.[0-9]{1,18}|[0-9]{1,30}|0\.[0-9]{1,30}", fullmatch=True))
def test_the_fast_way_reads_a_number_as_python_does(text: str) -> None:
    rows = [BTC | {"i": text}] * 2
    found = decode(encoded(rows), NOW).quotes
    assert [quote.index_price for quote in found] == [float(text)] * 2 * (float(text) <= 1e12)


@pytest.mark.parametrize(
    "payload",
    [
        enveloped([BTC, ETH]),
        enveloped([BTC, {**ETH, "p": 1}]),
        enveloped([BTC], stream="btcusdt@markPrice"),
        enveloped([BTC], stream="btcusdt@aggTrade"),
        enveloped([]),
        enveloped(BTC),
        encoded({"data": [BTC]}),
        encoded({"stream": STREAM, "data": [BTC], "e": "serverShutdown"}),
        b" " + enveloped([BTC]) + b"\n",
        enveloped([TICKER, BTC]),
    ],
)
def test_an_ordinary_message_is_read_in_one_pass_as_in_two(
    payload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = decode(payload, NOW)
    monkeypatch.setattr(binance, "_ordinary", lambda _: None)
    assert decode(payload, NOW) == once


def test_a_message_with_too_many_values_is_not_read_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(_: bytes) -> None:
        raise AssertionError

    for name in ("_market", "_rows", "_raw_rows"):
        monkeypatch.setattr(binance, name, type("Reader", (), {"decode": staticmethod(never)}))
    with pytest.raises(FrameError, match="values in one frame"):
        decode(enveloped([BTC] * (2 * MAX_ROWS + 1)), NOW)
