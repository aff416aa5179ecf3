"""Messages cut anywhere, damaged anywhere, and rubbish: they cost at most the frame."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.binance_messages import (
    BAD_NUMBERS,
    BAD_SYMBOLS,
    BTC,
    BTC_QUOTE,
    ETH,
    ETH_QUOTE,
    checked,
    encoded,
    enveloped,
    row,
)

SMALL = enveloped([BTC, {**ETH, "s": "币安人生USDT"}])


READ = {"BTCUSDT", "币安人生USDT"}


def test_truncated_message_is_refused() -> None:
    for end in range(len(SMALL)):
        assert checked(SMALL[:end]) is None


def test_any_byte_may_be_missing() -> None:
    for index in range(len(SMALL)):
        checked(SMALL[:index] + SMALL[index + 1 :])


def test_any_byte_may_be_another() -> None:
    for index in range(len(SMALL)):
        for other in b'\0"\\,:[]{}-.0e9 n\x1f\x80\xff':
            frame = checked(SMALL[:index] + bytes([other]) + SMALL[index + 1 :])
            # At most one row differs: the other one is still there where the frame is.
            if frame is not None and (frame.quotes or frame.rejected):
                assert READ & {quote.symbol for quote in frame.quotes}


@given(st.binary(max_size=200))
def test_arbitrary_bytes_cost_at_most_the_frame(payload: bytes) -> None:
    checked(payload)


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
    checked(b'{"stream":"!markPrice@arr","data":%b}' % payload if wrapped else payload)


@given(
    st.dictionaries(st.sampled_from(list(BTC)), JSON | st.sampled_from(BAD_NUMBERS + BAD_SYMBOLS)),
    st.sets(st.sampled_from(list(BTC))),
)
def test_an_arbitrary_row_costs_at_most_itself(
    changes: dict[str, object], absent: set[str]
) -> None:
    odd = {key: value for key, value in row(**changes).items() if key not in absent}
    frame = checked(b"[%b,%b,%b]" % (encoded(BTC), encoded(odd), encoded(ETH)))
    assert frame is not None
    assert {BTC_QUOTE, ETH_QUOTE} <= set(frame.quotes)
    assert len(frame.quotes) + frame.rejected.total() + frame.ignored.total() == 3


@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=8))
def test_damaged_messages_cost_at_most_the_frame(damage: list[tuple[int, int]]) -> None:
    payload = bytearray(SMALL)
    for index, value in damage:
        payload[index] = value
    checked(bytes(payload))
