"""Damaged input: noise, and valid input with something wrong in it, which reaches further."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]


class Raw(NamedTuple):
    """JSON, or something like it, as it is to be sent."""

    text: str


class Pairs(NamedTuple):
    """An object whose keys need not differ."""

    items: list[Any]


NUMBERS = (
    *("0", "-0", "-1", "1", "1e5", "1e400", "-1e400", "1e-400", "0.1", "1.", ".5", "+1", "01"),
    *("NaN", "Infinity", "-Infinity", "9007199254740993", "9223372036854775807"),
    *("9223372036854775808", "-9223372036854775809", "18446744073709551616", "9" * 400),
    *("1790161545000", "1790161545001", "1790161546000", "99999999999999", "1.5e12", "9" * 5_000),
)
TEXTS = (
    *("", " ", "nan", "inf", "-inf", "1_000", "1e5", " 1", "0x10", "１２", "-", "1" * 31),
    *("0.00000000", "-0.00000001", "1000000000000", "1000000000001", "0.99999999", "1e308"),
    *("btcusdt", "币安人生USDT", "BTC,USDT", "A" * 41, "A" * 100_000, "\u202eUSDT", "\x00", "é"),
    *("markPriceUpdate", "24hrTicker", "serverShutdown", "!markPrice@arr@1s", "\n", "\\", '"'),
)
ODD = (
    *(Raw(text) for text in NUMBERS),
    *(Raw(f'"{text}"') for text in NUMBERS),
    *(Raw(json.dumps(text)) for text in TEXTS),
    *map(Raw, (r'"\ud800"', r'"\udc00\ud800"', r'"\u0000"', r'"\x"', "null", "true", "{}", "[]")),
    *map(Raw, ("[[]]", '{"e":"x"}', '{"":[]}', "", ",", "[1,]", "[" * 20_000, '{"a":' * 20_000)),
    Raw("[" * 900 + "]" * 900),
    Raw('{"a":' * 900 + "1" + "}" * 900),
)
BYTES = (b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b'"', b"\\", b"\\u", b"{", b"]", b",")


def damaged(valid: Sequence[object]) -> st.SearchStrategy[bytes]:
    """JSON that was one of `valid` before something happened to it, or noise."""
    return st.one_of(_trees(list(valid)), _trees(list(valid)).flatmap(cut), st.binary(max_size=200))


@st.composite
def _trees(draw: Draw, valid: list[object]) -> bytes:
    tree = draw(st.sampled_from(valid))
    for _ in range(draw(st.integers(0, 4))):
        tree = _bent(draw, tree)
    return dumped(tree).encode("utf-8", "surrogatepass")


def _bent(draw: Draw, tree: Any) -> Any:
    """`tree` with one thing changed somewhere in it."""
    if isinstance(tree, dict):
        tree = Pairs(list(tree.items()))
    inner = tree.items if isinstance(tree, Pairs) else tree if isinstance(tree, list) else []
    if not inner or draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(ODD))
    items, place = list(inner), draw(st.integers(0, len(inner) - 1))
    what = draw(st.sampled_from(("in", "in", "in", "in", "drop", "twice", "key", "swap")))
    if what == "in" and isinstance(tree, Pairs):
        items[place] = (items[place][0], _bent(draw, items[place][1]))
    elif what == "in":
        items[place] = _bent(draw, items[place])
    elif what == "drop":
        del items[place]
    elif what == "twice":
        items.insert(draw(st.integers(0, len(items))), items[place])
    elif what == "key" and isinstance(tree, Pairs):
        items[place] = (draw(st.sampled_from(("", "e", "E", "st", "\x00", "ß"))), items[place][1])
    elif what == "swap":
        items[0], items[place] = items[place], items[0]
    return Pairs(items) if isinstance(tree, Pairs) else items


def dumped(tree: object) -> str:
    """`tree` as JSON; what is Raw stays as it is."""
    if isinstance(tree, Raw):
        return tree.text
    if isinstance(tree, dict):
        tree = Pairs(list(tree.items()))
    if isinstance(tree, Pairs):
        return (
            "{" + ",".join(f"{json.dumps(key)}:{dumped(value)}" for key, value in tree.items) + "}"
        )
    if isinstance(tree, list):
        return "[" + ",".join(map(dumped, tree)) + "]"
    return json.dumps(tree, ensure_ascii=False)


@st.composite
def cut(draw: Draw, data: bytes) -> bytes:
    """`data` with bytes changed, left out, repeated or put in."""
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(data)))
        end = draw(st.integers(begin, min(len(data), begin + draw(st.sampled_from((1, 8, 4_096))))))
        new = draw(st.one_of(st.sampled_from((b"", *BYTES, data[begin:end] * 2)), st.binary()))
        data = data[:begin] + new + data[end:]
    return data
