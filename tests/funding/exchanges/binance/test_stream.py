"""Messages of the stream: quotes in every form, notices, what is ignored and what is malformed."""

import json

import pytest

from funding.errors import FrameError
from funding.exchanges.binance import rows
from funding.exchanges.binance.rows import MAX_ROWS
from funding.exchanges.binance.stream import decode
from funding.exchanges.frame import Frame
from tests.support.binance_messages import (
    BTC,
    BTC_QUOTE,
    E_MS,
    ETH,
    ETH_QUOTE,
    STREAM,
    TICKER,
    encoded,
    enveloped,
    row,
    shown,
)

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


WITHOUT_QUOTES = {
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


@pytest.mark.parametrize("payload", GOOD_FORMS.values(), ids=GOOD_FORMS)
def test_quotes_come_in_every_form(payload: bytes) -> None:
    assert decode(payload) == Frame([BTC_QUOTE, ETH_QUOTE], event_time=E_MS)


@pytest.mark.parametrize("payload", SINGLE_FORMS.values(), ids=SINGLE_FORMS)
def test_one_quote_comes_in_every_form(payload: bytes) -> None:
    assert decode(payload) == Frame([BTC_QUOTE], event_time=E_MS)


@pytest.mark.parametrize(("payload", "name"), WITHOUT_QUOTES.values(), ids=WITHOUT_QUOTES)
def test_message_without_quotes_is_counted_and_ignored(payload: bytes, name: str) -> None:
    frame = decode(payload)
    assert frame.quotes == []
    assert frame.event_time == 0
    assert frame.ignored == {name: 1}
    assert not frame.rejected
    assert frame.samples == {}


def test_empty_frame_is_not_an_error() -> None:
    assert decode(b"[]") == Frame([])
    assert decode(enveloped([])) == Frame([])


def test_long_name_is_cut() -> None:
    name = "x" * 5_000
    for payload in [
        encoded([row(e=name)]),
        encoded({"e": name}),
        enveloped([BTC], name),
        encoded({"event": {"e": name}}),
        encoded([{"e": name}]),
    ]:
        frame = decode(payload)
        assert max(map(len, [*frame.ignored, *frame.rejected])) < 60
        assert all(len(sample) <= 300 for sample in frame.samples.values())


def test_forty_characters_of_a_name_are_kept() -> None:
    name, kept = "x" * 41, "x" * 40
    assert decode(enveloped([BTC], name)).ignored == {f"stream {kept}": 1}
    assert decode(encoded({"e": name})).ignored == {f"event {kept}": 1}
    assert decode(encoded({"event": {"e": kept}})).ignored == {f"event {kept}": 1}
    error = decode(encoded({"error": "x" * 300}))
    assert error.notice == 'the exchange says: "' + "x" * 199


@pytest.mark.parametrize("value", [b"0", b"{}", b'"x"', b"null"])
def test_unexpected_event_name_beside_the_rows_is_ignored(value: bytes) -> None:
    payload = b'{"e":' + value + b"," + enveloped([BTC])[1:]
    assert len(decode(payload).quotes) == 1


def test_error_becomes_a_notice_with_its_text() -> None:
    frame = decode(b'{"error":{"code":4,"msg":"Too many subscriptions"},"id":1}')
    assert "Too many subscriptions" in frame.notice
    assert not frame.ending


def test_long_error_is_cut() -> None:
    assert len(decode(encoded({"error": "é" * 100_000})).notice) < 300


def test_announced_shutdown_is_reported() -> None:
    for payload in (WITHOUT_QUOTES["shutdown"][0], WITHOUT_QUOTES["bare shutdown"][0]):
        frame = decode(payload)
        assert frame.ending
        assert "shutdown" in frame.notice
    assert not decode(b'{"event":{"e":"other"}}').ending


MALFORMED = [
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


@pytest.mark.parametrize("payload", MALFORMED, ids=shown)
def test_malformed_message_is_refused(payload: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        decode(payload)
    assert len(str(caught.value)) < 300


def test_frame_with_too_many_values_is_refused() -> None:
    with pytest.raises(FrameError, match="more than"):
        decode(b"[" + b"1," * 4_000_000 + b"1]")


def test_frame_with_too_many_values_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(_: bytes) -> None:
        raise AssertionError

    for name in ("_rows", "_raw_rows"):
        monkeypatch.setattr(rows, name, type("Reader", (), {"decode": staticmethod(never)}))
    with pytest.raises(FrameError, match="values in one frame"):
        decode(enveloped([BTC] * (2 * MAX_ROWS + 1)))
