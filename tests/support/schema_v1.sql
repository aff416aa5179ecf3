PRAGMA application_id = 0x46554E44;

CREATE TABLE quote (
    exchange               TEXT    NOT NULL,
    symbol                 TEXT    NOT NULL COLLATE NOCASE,
    mark_price             REAL    NOT NULL CHECK (mark_price > 0),
    index_price            REAL    NOT NULL CHECK (index_price >= 0),
    funding_rate           REAL,
    next_funding_time      INTEGER,
    funding_interval_hours INTEGER,
    event_time             INTEGER NOT NULL,
    updated_at             REAL    NOT NULL,
    received_uptime        REAL,
    PRIMARY KEY (exchange, symbol)
) STRICT;

CREATE TABLE feed (
    exchange           TEXT    NOT NULL PRIMARY KEY,
    address            TEXT    NOT NULL,
    pid                INTEGER NOT NULL,
    boot_id            TEXT    NOT NULL,
    started_at         REAL    NOT NULL,
    started_uptime     REAL    NOT NULL,
    heartbeat_at       REAL    NOT NULL,
    heartbeat_uptime   REAL    NOT NULL,
    connected          INTEGER NOT NULL DEFAULT 0 CHECK (connected IN (0, 1)),
    connections        INTEGER NOT NULL DEFAULT 0,
    connected_since    REAL,
    last_connected_at  REAL,
    last_frame_at      REAL,
    last_frame_uptime  REAL,
    last_event_time    INTEGER,
    frames             INTEGER NOT NULL DEFAULT 0,
    accepted           INTEGER NOT NULL DEFAULT 0,
    repeated           INTEGER NOT NULL DEFAULT 0,
    rejected           INTEGER NOT NULL DEFAULT 0,
    malformed          INTEGER NOT NULL DEFAULT 0,
    ignored            INTEGER NOT NULL DEFAULT 0,
    reasons            TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(reasons)),
    reconnects         INTEGER NOT NULL DEFAULT 0,
    attempts_left      REAL    NOT NULL DEFAULT 15,
    last_error         TEXT,
    last_error_at      REAL
) STRICT;

CREATE TABLE comparison (
    id             INTEGER PRIMARY KEY,
    compared_at    REAL    NOT NULL,
    source         TEXT    NOT NULL,
    exchange       TEXT    NOT NULL,
    symbol         TEXT    NOT NULL,
    field          TEXT    NOT NULL CHECK (field IN ('mark_price', 'funding_rate')),
    ws_value       REAL,
    rest_value     REAL,
    difference_pct REAL,
    skew_ms        INTEGER,
    outcome        TEXT    NOT NULL CHECK (outcome IN ('match', 'mismatch', 'significant')),
    rest_time      INTEGER,
    explained      INTEGER CHECK (explained IN (0, 1))
) STRICT;

CREATE INDEX comparison_compared_at ON comparison (compared_at);

CREATE TABLE validation (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('GO', 'NO-GO')),
    since   REAL NOT NULL,
    until   REAL NOT NULL,
    report  TEXT NOT NULL CHECK (json_valid(report))
) STRICT;

CREATE TABLE rest_usage (
    minute INTEGER NOT NULL,
    caller TEXT    NOT NULL,
    route  TEXT    NOT NULL,
    calls  INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    PRIMARY KEY (minute, caller, route)
) STRICT, WITHOUT ROWID;

CREATE TABLE rest_ban (
    address TEXT NOT NULL PRIMARY KEY,
    until   REAL NOT NULL,
    pauses  INTEGER NOT NULL,
    reason  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE consumer (
    name    TEXT    NOT NULL PRIMARY KEY,
    done    INTEGER NOT NULL,
    done_at REAL    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE alert (
    key      TEXT    NOT NULL PRIMARY KEY,
    consumer TEXT    NOT NULL,
    symbol   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    at       REAL    NOT NULL,
    body     TEXT    NOT NULL CHECK (json_valid(body))
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_at ON alert (consumer, at);

CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY,
    consumer        TEXT    NOT NULL,
    target          TEXT    NOT NULL,
    path            TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    body            TEXT    NOT NULL CHECK (json_valid(body)),
    created_at      REAL    NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    due_at          REAL    NOT NULL,
    sent_at         REAL,
    last_error      TEXT,
    UNIQUE (target, idempotency_key)
) STRICT;

CREATE INDEX outbox_due ON outbox (consumer, target, due_at) WHERE sent_at IS NULL;

CREATE TABLE open_interest (
    at            REAL NOT NULL,
    symbol        TEXT NOT NULL,
    open_interest REAL NOT NULL CHECK (open_interest >= 0),
    mark_price    REAL,
    PRIMARY KEY (at, symbol)
) STRICT, WITHOUT ROWID;

CREATE TABLE open_interest_edge (
    symbol    TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    outside   TEXT NOT NULL CHECK (outside IN ('', 'UP', 'DOWN')),
    up_at     REAL,
    down_at   REAL,
    PRIMARY KEY (symbol, timeframe)
) STRICT, WITHOUT ROWID;

CREATE TABLE universe (
    symbol     TEXT NOT NULL PRIMARY KEY,
    source     TEXT NOT NULL CHECK (source IN ('backend', 'own')),
    entered_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    id     INTEGER PRIMARY KEY,
    at     REAL NOT NULL,
    source TEXT NOT NULL,
    kind   TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE INDEX event_at ON event (at);

CREATE VIEW latest AS
SELECT
    symbol,
    mark_price,
    index_price,
    round(funding_rate * 100, 6) AS funding_pct,
    round(funding_rate * 100 * 24 * 365 / coalesce(funding_interval_hours, 8), 2) AS annualised_pct,
    strftime('%Y-%m-%dT%H:%M:%SZ', next_funding_time / 1000, 'unixepoch') AS next_funding,
    round((julianday('now') - 2440587.5) * 86400 - updated_at, 1) AS age_seconds,
    strftime('%Y-%m-%dT%H:%M:%SZ', updated_at, 'unixepoch') AS updated,
    exchange
FROM quote
ORDER BY updated_at DESC, symbol;

CREATE VIEW stale AS
SELECT symbol, age_seconds, updated, mark_price, exchange
FROM latest
WHERE age_seconds > 180
ORDER BY age_seconds DESC;

CREATE VIEW worst_differences AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', compared_at, 'unixepoch') AS compared,
    source, symbol, field, ws_value, rest_value,
    round(difference_pct, 4) AS difference_pct, skew_ms, outcome
FROM comparison
WHERE source <> 'control' AND compared_at > (julianday('now') - 2440588.5) * 86400
ORDER BY abs(difference_pct) DESC
LIMIT 20;

PRAGMA user_version = 1;
