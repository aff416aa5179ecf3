"""A database in which each of the twenty useful queries of docs/operations.md finds something."""

import time
from contextlib import closing
from pathlib import Path

import apsw

from funding.store.schema_repair import SCHEMA

_ROWS = """
INSERT INTO quote (exchange, symbol, mark_price, index_price, funding_rate, next_funding_time,
    funding_interval_hours, event_time, updated_at, received_uptime, z_score, percentile, zone)
VALUES
    ('binance', 'BTCUSDT', 91897.7, 91930.9, 0.0000186, (:now + 3600) * 1000, 8, :now * 1000,
        :now - 1, 5.0, 0.4, 61.0, 'normal'),
    ('kucoin', 'XBTUSDTM', 91911.2, 91930.1, 0.0004, (:now + 3600) * 1000, 8, :now * 1000,
        :now - 1, 5.0, 3.4, 99.0, 'extreme'),
    ('binance', 'OLDUSDT', 1.5, 1.5, 0.0001, NULL, 8, :now * 1000,
        :now - 900, 5.0, NULL, NULL, NULL);
INSERT INTO contract (exchange, symbol, status, base_asset, quote_asset, multiplier,
    funding_interval_hours, checked_at)
VALUES
    ('binance', 'BTCUSDT', 'TRADING', 'BTC', 'USDT', 1, 8, :now),
    ('kucoin', 'XBTUSDTM', 'TRADING', 'BTC', 'USDT', 1, 8, :now),
    ('binance', 'OLDUSDT', 'TRADING', 'OLD', 'USDT', 1, 8, :now);
INSERT INTO funding_rate VALUES
    ('binance', 'BTCUSDT', (:now - 28800) * 1000, 'Regular', 0.0001, 91000.0, 8, 'rest'),
    ('binance', 'BTCUSDT', (:now - 57600) * 1000, 'Regular', 0.0002, 91100.0, 8, 'rest');
INSERT INTO bar VALUES
    ('binance', 'BTCUSDT', 3600, :now / 3600 * 3600, 91800, 91950, 91700, 91897, 91930,
        0.0001, 3600);
INSERT INTO signal (at, exchange, symbol, kind, zone, direction, rate, z_score, detail) VALUES
    (:now - 60, 'kucoin', 'XBTUSDTM', 'zone', 'extreme', 'up', 0.0004, 3.4, 'Z 3.4: extreme');
INSERT INTO event (at, source, kind, detail, program, rule, duration_seconds) VALUES
    (:now - 9000, 'watchdog', 'unhealthy', 'not connected', NULL, 'data', 42.0),
    (:now - 8000, 'watchdog', 'restart', 'hung', 'funding:ingest', 'hung ingest', NULL),
    (:now - 7000, 'ingest', 'stall', 'no newer mark price for 5 s', NULL, 'stall', NULL);
INSERT INTO consumer VALUES ('watchdog', :now, :now);
INSERT INTO comparison (compared_at, source, exchange, symbol, field, ws_value, rest_value,
    difference_pct, skew_ms, outcome, explained)
VALUES (:now - 600, 'watchdog', 'binance', 'BTCUSDT', 'mark_price', 91897.7, 92500.0, 0.65, 0,
    'significant', 0);
INSERT INTO rest_usage VALUES (:now / 60, 'watchdog', 'premiumIndex', 3, 12, 'binance');
INSERT INTO validation (at, verdict, since, until, report) VALUES
    (:now - 60, 'GO', :now - 87000, :now - 60, '{}');
INSERT INTO outbox (consumer, target, path, idempotency_key, body, created_at, due_at) VALUES
    ('alerts', 'webhook', '', 'k', '{"text": "binance: not healthy"}', :now - 60, :now - 60);
"""


def make(path: Path) -> None:
    """The database at `path`, whose rows are of this moment."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("journal_mode", "wal")
        connection.execute(SCHEMA.read_text("utf-8"))
        connection.execute(_ROWS, {"now": int(time.time())})
