"""The version of the schema, and the way to it from an empty file or from an older version.

# Facts
- A CHECK is changed as sqlite.org/lang_altertable.html ("Making Other Kinds Of Table Schema
  Changes") says: its text in `sqlite_schema`, under `writable_schema`, without copying a row. So
  the columns, indexes and triggers that a user has added stay. SQLite ignores it in a connection
  that is DEFENSIVE.
"""

import re

import apsw

from funding.store.schema_repair import SCHEMA, run_each

VERSION = 6
UPGRADES = {
    # The restart budget stood in `detail` as "program (rule): reason".
    1: """
ALTER TABLE event ADD COLUMN program TEXT;
ALTER TABLE event ADD COLUMN rule TEXT;
UPDATE event SET
    program = substr(detail, 1, instr(detail, ' (') - 1),
    rule = substr(
        detail, instr(detail, ' (') + 2, instr(detail, '): ') - instr(detail, ' (') - 2)
WHERE source = 'watchdog' AND kind IN ('restart', 'kill', 'start')
    AND instr(detail, ' (') > 0 AND instr(detail, '): ') > instr(detail, ' (');
ALTER TABLE rest_ban ADD COLUMN kind TEXT NOT NULL DEFAULT 'banned'
    CHECK (kind IN ('banned', 'over-budget'));
UPDATE rest_ban SET kind = 'over-budget' WHERE pauses = 0;
""",
    2: """
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql,
    'CHECK (field IN (''mark_price'', ''funding_rate''))',
    'CHECK (field IN (''mark_price'', ''funding_rate'', ''index_price''))')
WHERE type = 'table' AND name = 'comparison';
PRAGMA writable_schema = RESET;
ALTER TABLE event ADD COLUMN duration_seconds REAL;
ALTER TABLE event ADD COLUMN count INTEGER NOT NULL DEFAULT 1;
ALTER TABLE feed ADD COLUMN lag_seconds REAL NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN good_since REAL;
ALTER TABLE feed ADD COLUMN store_locked_since REAL;
ALTER TABLE feed ADD COLUMN least_delay REAL;
ALTER TABLE quote ADD COLUMN funding_step_hours INTEGER;
CREATE TABLE contract (
    exchange               TEXT NOT NULL,
    symbol                 TEXT NOT NULL COLLATE NOCASE,
    status                 TEXT NOT NULL
        CHECK (status IN ('TRADING', 'SETTLING', 'PENDING', 'CLOSED', 'UNKNOWN')),
    contract_type          TEXT,
    base_asset             TEXT NOT NULL,
    quote_asset            TEXT NOT NULL,
    multiplier             REAL NOT NULL CHECK (multiplier > 0),
    delivery_time          INTEGER,
    funding_interval_hours INTEGER,
    interval_source        TEXT CHECK (interval_source IN ('exchange', 'settlements')),
    rate_cap               REAL,
    rate_floor             REAL,
    checked_at             REAL NOT NULL,
    PRIMARY KEY (exchange, symbol)
) STRICT, WITHOUT ROWID;
""",
    3: """
ALTER TABLE quote ADD COLUMN source TEXT NOT NULL DEFAULT 'websocket'
    CHECK (source IN ('websocket', 'rest'));
ALTER TABLE quote ADD COLUMN z_score REAL;
ALTER TABLE quote ADD COLUMN z_reason TEXT;
ALTER TABLE quote ADD COLUMN percentile REAL CHECK (percentile BETWEEN 0 AND 100);
ALTER TABLE quote ADD COLUMN zone TEXT
    CHECK (zone = 'normal' OR zone = 'high' OR zone = 'extreme');
ALTER TABLE quote ADD COLUMN signal_level INTEGER;
ALTER TABLE feed ADD COLUMN standby_since REAL;
ALTER TABLE feed ADD COLUMN exchange_offset REAL;
ALTER TABLE feed ADD COLUMN not_followed TEXT NOT NULL DEFAULT '{}'
    CHECK (json_valid(not_followed));
ALTER TABLE rest_usage ADD COLUMN exchange TEXT NOT NULL DEFAULT 'binance';
ALTER TABLE contract ADD COLUMN listed_time INTEGER;
ALTER TABLE contract ADD COLUMN base_rate_hourly REAL;
ALTER TABLE contract ADD COLUMN interval_changed_at REAL;
ALTER TABLE contract ADD COLUMN base_changed_at REAL;
CREATE TABLE funding_rate (
    exchange       TEXT    NOT NULL,
    symbol         TEXT    NOT NULL COLLATE NOCASE,
    funding_time   INTEGER NOT NULL,
    rate_type      TEXT    NOT NULL,
    rate           REAL    NOT NULL,
    mark_price     REAL,
    interval_hours INTEGER,
    source         TEXT    NOT NULL CHECK (source IN ('rest', 'stream', 'file')),
    PRIMARY KEY (symbol, exchange, funding_time, rate_type)
) STRICT, WITHOUT ROWID;
CREATE TABLE backfill (
    exchange   TEXT    NOT NULL,
    symbol     TEXT    NOT NULL COLLATE NOCASE,
    from_time  INTEGER NOT NULL,
    until_time INTEGER NOT NULL CHECK (until_time >= from_time),
    updated_at REAL    NOT NULL,
    PRIMARY KEY (exchange, symbol)
) STRICT, WITHOUT ROWID;
CREATE TABLE funding_gap (
    exchange    TEXT    NOT NULL,
    symbol      TEXT    NOT NULL COLLATE NOCASE,
    after_time  INTEGER NOT NULL,
    before_time INTEGER NOT NULL,
    missing     INTEGER NOT NULL CHECK (missing > 0),
    found_at    REAL    NOT NULL,
    asked_at    REAL    NOT NULL,
    PRIMARY KEY (symbol, exchange, after_time)
) STRICT, WITHOUT ROWID;
CREATE TABLE funding_stats (
    exchange    TEXT    NOT NULL,
    symbol      TEXT    NOT NULL COLLATE NOCASE,
    mean        REAL,
    deviation   REAL CHECK (deviation >= 0),
    count       INTEGER NOT NULL,
    coverage    REAL    NOT NULL CHECK (coverage BETWEEN 0 AND 1),
    pinned      REAL CHECK (pinned BETWEEN 0 AND 1),
    since       INTEGER NOT NULL,
    computed_at REAL    NOT NULL,
    reason      TEXT,
    quantiles   TEXT CHECK (json_valid(quantiles)),
    PRIMARY KEY (exchange, symbol)
) STRICT, WITHOUT ROWID;
CREATE INDEX funding_stats_computed_at ON funding_stats (exchange, computed_at);
CREATE TABLE signal (
    id        INTEGER PRIMARY KEY,
    at        REAL NOT NULL,
    exchange  TEXT NOT NULL,
    symbol    TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('zone', 'move', 'cross')),
    zone      TEXT CHECK (zone IN ('normal', 'high', 'extreme')),
    direction TEXT NOT NULL CHECK (direction IN ('up', 'down')),
    rate      REAL,
    z_score   REAL,
    detail    TEXT NOT NULL,
    symbols   INTEGER NOT NULL DEFAULT 1,
    target    TEXT
) STRICT;
CREATE INDEX signal_at ON signal (at);
CREATE TABLE bar (
    exchange    TEXT    NOT NULL,
    symbol      TEXT    NOT NULL COLLATE NOCASE,
    period      INTEGER NOT NULL CHECK (period IN (60, 3600)),
    start       INTEGER NOT NULL,
    open        REAL    NOT NULL,
    high        REAL    NOT NULL,
    low         REAL    NOT NULL,
    close       REAL    NOT NULL,
    index_close REAL,
    rate_close  REAL,
    quotes      INTEGER NOT NULL,
    PRIMARY KEY (exchange, period, start, symbol)
) STRICT, WITHOUT ROWID;
""",
    4: """
ALTER TABLE validation ADD COLUMN exchange TEXT NOT NULL DEFAULT 'binance';
UPDATE validation SET exchange = coalesce(json_extract(report, '$.exchange'), 'binance');
ALTER TABLE contract ADD COLUMN next_interval_hours INTEGER;
ALTER TABLE contract ADD COLUMN next_interval_time INTEGER;
CREATE TABLE before_standby (
    exchange          TEXT    NOT NULL,
    symbol            TEXT    NOT NULL COLLATE NOCASE,
    mark_price        REAL    NOT NULL,
    index_price       REAL    NOT NULL,
    funding_rate      REAL,
    next_funding_time INTEGER,
    event_time        INTEGER NOT NULL,
    z_score           REAL,
    percentile        REAL,
    PRIMARY KEY (exchange, symbol)
) STRICT, WITHOUT ROWID;
""",
    5: "ALTER TABLE signal ADD COLUMN event_time INTEGER;",
}
"""From version N to N + 1: the statements that lead there. schema.sql is the sum of them."""

_VIEW = re.compile(r"^CREATE VIEW (\w+) AS\n.*?;\n", re.MULTILINE | re.DOTALL)


def upgrade(connection: apsw.Connection, version: int) -> None:
    """Within a transaction: bring a database of `version`, 0 for an empty one, to `VERSION`."""
    if version == 0:
        connection.execute(SCHEMA.read_text("utf-8"))
        return
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    for step in range(version, VERSION):
        run_each(connection, UPGRADES[step])
        connection.pragma("user_version", step + 1)
    for view in _VIEW.finditer(SCHEMA.read_text("utf-8")):
        connection.execute(f"DROP VIEW IF EXISTS {view[1]}; {view[0]}")
