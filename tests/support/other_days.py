"""The made-up days of `odd_days`, as days of another exchange: its names, its intervals, and no two
readings that are known to be of one tick."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.odd_days import CLOSED, DATED
from validation.exchanges import EXCHANGES

_NAMES = {
    "kucoin": ("{}USDTM", "{}USDTM"),
    "hyperliquid": ("{}", "xyz:{}"),
    "backpack": ("{}_USDC_PERP", "{}.US_USDC_PERP"),
}
"""Of a coin, and of what closes at night."""


def renamed(symbol: str, exchange: str) -> str:
    """A symbol of Binance as `exchange` calls it."""
    base = symbol.removesuffix("USDT")
    base = "XBT" if (base, exchange) == ("BTC", "kucoin") else base
    return _NAMES[exchange][base.startswith(CLOSED)].format(base)


def translate(path: Path, exchange: str) -> None:
    """Make the day at `path` one of `exchange`."""
    market = EXCHANGES[exchange]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.create_function("renamed", 1, lambda symbol: renamed(symbol, exchange))
        run = connection.execute
        for table in ("comparison", "quote", "contract"):
            run(f"DELETE FROM {table} WHERE symbol IN (?, ?)", DATED)
            run(f"UPDATE {table} SET exchange = ?, symbol = renamed(symbol)", (exchange,))
        run("UPDATE comparison SET skew_ms = -1 - id % 900 WHERE skew_ms = 0")
        run("UPDATE contract SET contract_type = ?", (market.perpetual,))
        run("UPDATE feed SET exchange = ?, frames = accepted", (exchange,))
        run("UPDATE rest_usage SET exchange = ?", (exchange,))
        for column in ("source", "program"):
            run(
                f"UPDATE event SET {column} = replace({column}, 'ingest', ?)",
                (f"ingest-{exchange}",),
            )
        run("UPDATE event SET rule = ? WHERE rule = 'data'", (exchange,))
        scale = market.rate_scale
        rates = ("ws_value", "rest_value")
        for column in rates if scale != 1 else ():
            run(
                f"UPDATE comparison SET {column} = {column} * ? WHERE field = 'funding_rate'",
                (scale,),
            )
        if market.usual_hours == 1:
            run(
                "UPDATE quote SET funding_rate = funding_rate * ?, funding_interval_hours = 1,"
                " next_funding_time = (event_time / 3600000 + 1) * 3600000",
                (scale,),
            )
