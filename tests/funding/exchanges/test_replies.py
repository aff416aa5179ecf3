"""Numbers, intervals and bodies of replies, good and damaged."""

import msgspec
import pytest

from funding.errors import RestGarbled
from funding.exchanges.exchange import Reply
from funding.exchanges.replies import decimal, epoch_ms, price, rate, read, whole_hours

DECODER = msgspec.json.Decoder(list[int])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", 1.5),
        ("-0.000076", -0.000076),
        ("6.1E-5", 6.1e-5),
        (-7.1e-05, -7.1e-05),
        (0, 0.0),
        ("0.0000062500000000000000000000", 0.00000625),
        ("", None),
        (None, None),
        ("nan", None),
        ("1_000", None),
        (" 1 ", None),
        ("٣", None),
        ("1e999", None),
        (float("inf"), None),
        ("1" * 40, None),
    ],
)
def test_decimal(text: str | float | None, value: float | None) -> None:
    assert decimal(text) == value


def test_price_is_positive_and_rate_a_fraction() -> None:
    assert [price(text) for text in ("0", "-1", "1e13", "0.5")] == [None, None, None, 0.5]
    assert [rate(text) for text in ("1", "-1", "1.8e11", "-0.02")] == [None, None, None, -0.02]


def test_interval_is_of_whole_hours() -> None:
    assert [whole_hours(each) for each in (28_800_000, 3_600_000, 60_000, 0, None)] == [
        *(8, 1, None, None, None)
    ]
    assert whole_hours(2_000 * 3_600_000) is None


@pytest.mark.parametrize("body", [b"", b"[1", b"{}", b"\xff", b"[" * 100_000, b'["1"]'])
def test_reply_of_another_form_is_garbled_and_names_the_route(body: bytes) -> None:
    with pytest.raises(RestGarbled, match="markets: "):
        read(DECODER, Reply(body, 0), "markets")
    assert read(DECODER, Reply(b"[1]", 0), "markets") == [1]


def test_time_is_in_milliseconds_whatever_it_was_told_in() -> None:
    told = (1_790_134_357_847, 1_790_134_357_847_601, 1_790_134_357_847_601_001)
    assert [epoch_ms(each) for each in told] == [1_790_134_357_847] * 3
    assert epoch_ms(25_242_841) == 25_242_841
