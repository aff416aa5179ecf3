"""The values that the client returns."""

import dataclasses

import msgspec
import pytest

from funding.client import Funding, Rate, rate_or_zero
from funding.client.values import from_rest, from_service
from funding.model.contract import ContractStatus
from funding.model.feed import StoredQuote
from funding.model.quote import Quote, Source

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
    reply = Quote("A", 1.0, 2.0, 0.1, 7, 10_000)
    assert from_rest(reply, 12.5) == Funding("A", 1.0, 0.1, 7, 2.0, 10_000, "rest", 2.5)
    assert from_rest(reply, 9.0).age_seconds == 0.0


def test_an_index_price_that_the_exchange_does_not_give_is_none() -> None:
    assert from_rest(Quote("A", 1.0, 0.0, 0.1, 7, 10_000), 12.5).index_price is None
    assert from_service(msgspec.structs.replace(STORED, index_price=0.0)).index_price is None


STORED = StoredQuote(
    *("binance", "A", 1.0, 2.0, 0.0001, 7, 5, 1.0, 0.5, ContractStatus.TRADING),
    funding_interval_hours=4,
    interval_source="exchange",
    z_score=2.5,
    percentile=99.0,
    zone="high",
)


def test_what_the_service_knows_beside_the_quote() -> None:
    found = from_service(STORED)
    assert found == Funding(
        *("A", 1.0, 0.0001, 7, 2.0, 5, "websocket", 0.5),
        exchange="binance",
        status="TRADING",
        funding_interval_hours=4,
        interval_source="exchange",
        annualized_rate=0.219,
        z_score=2.5,
        percentile=99.0,
        zone="high",
    )
    filled_in = msgspec.structs.replace(STORED, source=Source.REST, z_reason="words")
    assert from_service(filled_in).source == "rest"
    assert from_service(filled_in).z_reason == "words"


def test_rest_knows_nothing_of_it() -> None:
    found = from_rest(Quote("A", 1.0, 2.0, 0.1, 7, 10_000), 12.5)
    beside = [field.name for field in dataclasses.fields(Funding)][8:]
    assert {getattr(found, name) for name in beside} == {None}
