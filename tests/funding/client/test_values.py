"""The values that the client returns."""

import dataclasses

import pytest

from funding.client import Funding, Rate, rate_or_zero
from funding.client.values import from_rest
from funding.exchanges.binance.rest import PremiumIndex

FOUND = Funding("A", 1.0, -0.0001, 7, 1.0, 5, "websocket", 0.5)


@pytest.mark.parametrize(
    ("found", "rate"),
    [
        (FOUND, Rate(-0.0001, missing=False)),
        (dataclasses.replace(FOUND, funding_rate=0.0), Rate(0.0, missing=False)),
        (dataclasses.replace(FOUND, funding_rate=None), Rate(0.0, missing=True)),
        (None, Rate(0.0, missing=True)),
    ],
)
def test_zero_for_old_backends_is_marked(found: Funding | None, rate: Rate) -> None:
    assert rate_or_zero(found) == rate


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FOUND.mark_price = 2.0  # type: ignore[misc]


def test_an_age_from_rest_is_never_negative() -> None:
    reply = PremiumIndex("A", 1.0, 2.0, 0.1, 7, 10_000)
    assert from_rest(reply, 12.5) == Funding("A", 1.0, 0.1, 7, 2.0, 10_000, "rest", 2.5)
    assert from_rest(reply, 9.0).age_seconds == 0.0
