"""Rows of the mark price stream: the good ones, every kind of bad one, and their numbers."""

import json
import re
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.errors import FrameError
from funding.exchanges.binance.rows import MAX_ROWS
from funding.exchanges.binance.stream import decode
from tests.support.binance_messages import (
    BAD_NUMBERS,
    BAD_SYMBOLS,
    BTC,
    BTC_QUOTE,
    DAY_MS,
    E_MS,
    ETH,
    ETH_QUOTE,
    LATEST_MS,
    T_MS,
    TICKER,
    encoded,
    enveloped,
    row,
    shown,
    without,
)

BAD_PRICES = [*BAD_NUMBERS, "-1", "-0.00000001", "1000000000000.1"]


BAD_TIMES = [-1, 1, 1_483_228_799_999, 2**53, 2**63, -(2**63)]


BAD_ROWS: list[tuple[str, object]] = [
    *(("symbol", row(s=symbol)) for symbol in BAD_SYMBOLS),
    *(("mark price", row(p=price)) for price in [*BAD_PRICES, "0", "0.00000000"]),
    *(("index price", row(i=price)) for price in BAD_PRICES),
    *(("funding rate", row(r=rate)) for rate in [*BAD_NUMBERS[1:], "1", "-1", "2"]),
    *(("event time", row(E=at)) for at in [*BAD_TIMES[:4], 0, LATEST_MS + 1]),
    *(("next funding time", row(T=at)) for at in [*BAD_TIMES[:4], E_MS + 367 * DAY_MS]),
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


def test_price_change_of_a_ticker_is_never_a_mark_price() -> None:
    frame = decode(enveloped([BTC, TICKER, ETH]))
    assert frame.quotes == [BTC_QUOTE, ETH_QUOTE]
    assert frame.ignored == {"event 24hrTicker": 1}


def test_coin_margined_row_is_ignored() -> None:
    frame = decode(enveloped([row(s="BTCUSD_PERP", st=2), BTC, row(s="X", st=2)]))
    assert frame.quotes == [BTC_QUOTE]
    assert frame.ignored == {"coin-margined": 2}
    for other in (0, 3):
        frame = decode(encoded([row(st=other), BTC]))
        assert (frame.quotes, frame.ignored) == ([BTC_QUOTE], {"unknown symbol type": 1})


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
def test_contract_without_funding_has_no_rate(
    changes: dict[str, object], rate: float | None, next_funding_time: int | None
) -> None:
    (quote,) = decode(encoded([row(**changes)])).quotes
    assert (quote.funding_rate, quote.next_funding_time) == (rate, next_funding_time)


@pytest.mark.parametrize("key", ["ap", "P", "st"])
def test_optional_key_may_be_absent(key: str) -> None:
    assert decode(encoded([without(key)])).quotes == [BTC_QUOTE]


@pytest.mark.parametrize("value", [None, 1, "x", [1, {"a": []}], {"p": "1", "s": "X"}, 10**400])
def test_unknown_keys_are_ignored(value: object) -> None:
    assert decode(encoded([{"new": value, **BTC, "p2": value}])).quotes == [BTC_QUOTE]


@pytest.mark.parametrize(
    "symbol", ["币安人生USDT", "我踏马来了USDT", "é", "BTCUSDT_260925", "Ａ" * 40]
)
def test_symbols_are_utf_8(symbol: str) -> None:
    escaped = json.dumps([row(s=symbol)]).encode("ascii")
    for payload in (encoded([row(s=symbol)]), escaped):
        (quote,) = decode(payload).quotes
        assert quote.symbol == symbol


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        ({"p": "0.00000001"}, "mark_price", 1e-8),
        ({"p": "1000000000000"}, "mark_price", 1e12),
        ({"i": "0.00000000"}, "index_price", 0.0),  # a contract that is being settled
        ({"E": LATEST_MS, "T": LATEST_MS}, "event_time", LATEST_MS),
        ({"E": E_MS + 7 * DAY_MS, "T": 0}, "event_time", E_MS + 7 * DAY_MS),
        ({"E": 1_483_228_800_000, "T": 0}, "event_time", 1_483_228_800_000),
        ({"T": 1_483_228_800_000}, "next_funding_time", 1_483_228_800_000),
        ({"T": E_MS + 366 * DAY_MS}, "next_funding_time", E_MS + 366 * DAY_MS),
    ],
)
def test_values_at_the_bounds_are_accepted(
    changes: dict[str, object], attribute: str, value: float
) -> None:
    (quote,) = decode(encoded([row(**changes)])).quotes
    assert getattr(quote, attribute) == value


@pytest.mark.parametrize(("reason", "bad"), BAD_ROWS, ids=shown)
@pytest.mark.parametrize("wrap", [enveloped, encoded], ids=["envelope", "bare"])
def test_bad_row_is_rejected_alone(
    wrap: Callable[[object], bytes], reason: str, bad: object
) -> None:
    frame = decode(wrap([BTC, bad, ETH]))
    assert frame.quotes == [BTC_QUOTE, ETH_QUOTE]
    assert frame.rejected == {reason: 1}
    assert frame.event_time == E_MS
    assert frame.samples[reason].startswith(f"{reason}: ")
    assert all(len(sample) <= 300 for sample in frame.samples.values())
    assert not frame.ignored


@pytest.mark.parametrize(
    ("reason", "bad"),
    [
        ("event time", row(E=LATEST_MS + 1)),
        ("next funding time", row(T=E_MS + 366 * DAY_MS + 1)),
        ("mark price", row(p="1000000000001")),
        ("funding rate", row(r="-1.00000000")),
    ],
)
def test_bad_row_is_rejected_without_any_other(reason: str, bad: object) -> None:
    frame = decode(encoded([bad]))
    assert (frame.quotes, frame.event_time) == ([], 0)
    assert frame.rejected == {reason: 1}


def test_row_of_another_event_is_ignored_though_it_has_other_keys() -> None:
    frame = decode(encoded([{"e": "x" * 40, "q": 1}, BTC]))
    assert frame.quotes == [BTC_QUOTE]
    assert frame.ignored == {f"event {'x' * 40}": 1}
    assert not frame.rejected
    # Too long for the name of an event: what is wrong is the form.
    frame = decode(encoded([{"e": "x" * 41, "q": 1}, BTC]))
    assert (frame.rejected, frame.ignored) == ({"form": 1}, {})


def test_sample_shows_the_beginning_of_what_was_rejected() -> None:
    long = decode(encoded([row(s="A" * 100, p="9" * 100, r="1" * 100)]))
    assert long.samples == {
        "symbol": f"symbol: {'A' * 60} p={'9' * 40} r={'1' * 40} E={E_MS} T={T_MS}"
    }
    digits = decode(encoded([row(E=10**4000)])).samples["event time"]
    assert digits == f"event time: BTCUSDT p=85840.40234633 r=0.00005016 E={10**4000}"[:300]
    first = decode(encoded([row(p="0"), row(p="-5")]))
    assert first.samples["mark price"].startswith("mark price: BTCUSDT p=0 ")
    ahead = decode(encoded([BTC, row(s="X", E=E_MS + 901), ETH]))
    assert ahead.samples == {"event time": f"event time: X at {E_MS + 901}"}
    broken = decode(encoded([{"s": "b" * 500}])).samples["form"]
    assert broken.endswith(' in {"s":"' + "b" * 114)


def test_bad_rows_are_counted_by_reason() -> None:
    frame = decode(encoded([bad for _, bad in BAD_ROWS] + [BTC]))
    assert frame.quotes == [BTC_QUOTE]
    assert frame.rejected == Counter(reason for reason, _ in BAD_ROWS)


@pytest.mark.parametrize("times", [2**63, -(2**63), -(2**63) - 1, 2**64 - 1])
def test_extreme_integers_are_rejected(times: int) -> None:
    for key in ("E", "T"):
        frame = decode(encoded([BTC, row(**{key: times}), ETH]))
        assert frame.quotes == [BTC_QUOTE, ETH_QUOTE]
        assert frame.rejected.total() == 1


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 5_000, b"1.5e300", b"0.5"])
@pytest.mark.parametrize("key", [b"p", b"E", b"T", b"st"])
def test_json_number_of_the_wrong_kind_is_rejected(key: bytes, number: bytes) -> None:
    bad = b'{"%b":%b,%b' % (key, number, encoded(without(key.decode()))[1:])
    frame = decode(b"[%b,%b,%b]" % (encoded(BTC), bad, encoded(ETH)))
    assert frame.quotes == [BTC_QUOTE, ETH_QUOTE]
    assert frame.rejected == {"form": 1}


@pytest.mark.parametrize("symbol", [b"\xff", b"A\xc3", b"\xed\xa0\x80"])
def test_symbol_that_is_not_utf_8_costs_its_row(symbol: bytes) -> None:
    bad = encoded(row(s="?")).replace(b'"?"', b'"' + symbol + b'"')
    frame = decode(b"[" + encoded(BTC) + b"," + bad + b"]")
    assert frame.quotes == [BTC_QUOTE]
    assert frame.rejected == {"form": 1}
    assert "".join(frame.samples.values()).encode()


@pytest.mark.parametrize(("lead", "kept"), [(900, True), (901, False), (3_600_000, False)])
def test_row_ahead_of_its_frame_is_rejected(lead: int, kept: bool) -> None:
    frame = decode(encoded([BTC, row(s="X", E=E_MS + lead), ETH]))
    assert ("X" in [quote.symbol for quote in frame.quotes]) is kept
    assert frame.rejected == ({} if kept else {"event time": 1})
    assert frame.event_time == E_MS


def test_row_behind_its_frame_is_kept() -> None:
    frame = decode(encoded([BTC, row(s="X", E=E_MS - 86_400_000), ETH]))
    assert [quote.symbol for quote in frame.quotes] == ["BTCUSDT", "X", "ETHUSDT"]
    assert frame.event_time == E_MS


def test_number_of_rows_is_bounded() -> None:
    assert len(decode(encoded([BTC] * MAX_ROWS)).quotes) == MAX_ROWS
    for rows in ([BTC] * (MAX_ROWS + 1), [1] * (MAX_ROWS + 1), [BTC, *[{}] * MAX_ROWS]):
        with pytest.raises(FrameError, match="rows"):
            decode(encoded(rows))


@pytest.mark.parametrize(("keys", "read"), [(20, True), (21, False)])
def test_number_of_values_is_bounded(keys: int, read: bool) -> None:
    wide = {**BTC, **{f"new{number}": 0 for number in range(keys - len(BTC))}}
    payload = encoded([wide] * MAX_ROWS)
    if read:
        assert len(decode(payload).quotes) == MAX_ROWS
    else:
        with pytest.raises(FrameError, match="more than 200000 values in one frame"):
            decode(payload)


NASTY = [
    "1", "1.", ".5", "1,2", "1e5", "-1", "-0", "", "nan", "1_0", " 1", "0", "1" * 31, "１", 5, None,
    -5, 0, 1_790_179_200_000, 10**19, "BTC USDT", "a" * 41, "\n", "24hrTicker", 2, 3, True, [], 1.5,
    "007", "00.5", "-0.5", "0.1" + "0" * 28 + "1", "0." + "9" * 30, "1" * 30 + "." + "1" * 30, "1]",
]  # fmt: skip


@pytest.mark.parametrize("key", ["e", "E", "s", "p", "i", "r", "T", "st"])
def test_numbers_read_together_and_one_by_one_agree(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {
        "e": "markPriceUpdate", "E": 1_790_161_527_002, "s": "BTCUSDT", "p": "85840.40234633",
        "i": "85882.44043478", "r": "0.00005016", "T": 1_790_179_200_000, "st": 1,
    }  # fmt: skip
    for value in NASTY:
        rows = [good, good | {"s": "ODD", key: value}, good | {"s": "ETHUSDT", "T": 0}]
        payload = json.dumps(rows).encode()
        together = decode(payload)
        with monkeypatch.context() as patched:
            patched.setattr("funding.exchanges.binance.rows._DECIMALS", re.compile("never"))
            one_by_one = decode(payload)
        assert together == one_by_one, f"{key}={value!r}"


@pytest.mark.parametrize("key", ["p", "i", "r"])
def test_two_numbers_in_one_field_shift_no_other_row(key: str) -> None:
    small = BTC | {"p": "0.5", "i": "0.25", "r": "0.125"}
    rows = [small, small | {"s": "ODD", key: "0.75,0.75"}, small | {"s": "ETHUSDT"}]
    frame = decode(encoded(rows))
    assert [quote.symbol for quote in frame.quotes] == ["BTCUSDT", "ETHUSDT"]
    assert {(q.mark_price, q.index_price, q.funding_rate) for q in frame.quotes} == {
        (0.5, 0.25, 0.125)
    }
    assert frame.rejected.total() == 1


@given(st.from_regex(r"[0-9]{1,12}\.[0-9]{1,18}|[0-9]{1,30}|0\.[0-9]{1,30}", fullmatch=True))
def test_number_is_read_as_python_reads_it(text: str) -> None:
    rows = [BTC | {"i": text}] * 2
    found = decode(encoded(rows)).quotes
    assert [quote.index_price for quote in found] == [float(text)] * 2 * (float(text) <= 1e12)
