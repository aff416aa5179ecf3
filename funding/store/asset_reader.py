"""The contracts of an exchange, those on one asset, and how their rates have differed."""

from typing import NamedTuple

from funding.model.bar import HOUR, MINUTE
from funding.model.contract import Contract
from funding.store.reader import Reader

_ALL = f"SELECT {', '.join(Contract._fields)} FROM contract WHERE exchange = ?1 ORDER BY symbol"
_LISTED = """
SELECT symbol, quote_asset, multiplier FROM contract
WHERE exchange = ?1 AND base_asset = ?2 COLLATE NOCASE ORDER BY symbol
"""
_ALL_LISTED = """
SELECT symbol, base_asset, quote_asset, multiplier FROM contract WHERE exchange = ?1
ORDER BY symbol
"""
_RATES = """
SELECT symbol, rate_close FROM bar
WHERE exchange = ?1 AND period = ?2 AND start = ?3 AND rate_close IS NOT NULL
"""
_DIFFERENCES = """
SELECT high.start, high.rate_close / ?7 - low.rate_close / ?8
FROM bar AS high JOIN bar AS low USING (period, start)
WHERE period = ?5 AND start > ?6
    AND high.exchange = ?1 AND high.symbol = ?2 AND low.exchange = ?3 AND low.symbol = ?4
    AND high.rate_close IS NOT NULL AND low.rate_close IS NOT NULL
ORDER BY start
"""


class ListedContract(NamedTuple):
    """A contract on an asset; its price is for `multiplier` units."""

    symbol: str
    quote_asset: str
    multiplier: float


class RateOf(NamedTuple):
    """Whose rates, and per how many hours they are."""

    exchange: str
    symbol: str
    hours: int


def contracts(reader: Reader) -> list[Contract]:
    """All contracts of the reader's exchange, by symbol."""
    return [Contract(*row) for row in reader.rows(_ALL, (reader.exchange,))]


def contracts_on(reader: Reader, asset: str) -> list[ListedContract]:
    """The contracts of the reader's exchange on `asset`, whatever its ASCII case."""
    return [ListedContract(*row) for row in reader.rows(_LISTED, (reader.exchange, asset))]


def listed(reader: Reader) -> list[tuple[str, ListedContract]]:
    """All contracts of the reader's exchange, each with its base asset, by symbol."""
    rows = reader.rows(_ALL_LISTED, (reader.exchange,))
    return [(asset, ListedContract(symbol, *rest)) for symbol, asset, *rest in rows]


def hourly_rates(reader: Reader, start: int) -> list[tuple[str, float]]:
    """The rate of each symbol of the reader's exchange at the end of the hour that began at `start`
    (Unix seconds), a fraction per its interval."""
    return reader.rows(_RATES, (reader.exchange, HOUR, start))


def rate_differences(
    reader: Reader, high: RateOf, low: RateOf, since: float
) -> list[tuple[float, float]]:
    """(time, difference of the rates per hour) of `high` less `low` since then, oldest first: each
    hour, then each minute where bars of minutes are kept. The present intervals count."""
    names = (high.exchange, high.symbol, low.exchange, low.symbol)
    hours = high.hours, low.hours
    minutes = reader.rows(_DIFFERENCES, (*names, MINUTE, since, *hours))
    before = minutes[0][0] if minutes else float("inf")
    hourly = reader.rows(_DIFFERENCES, (*names, HOUR, since, *hours))
    return [(at, value) for at, value in hourly if at + HOUR <= before] + minutes
