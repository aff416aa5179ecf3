-- The one description of the database. Run by funding/store.py in one transaction on an empty
-- file; later versions are reached by the steps in store.UPGRADES, which end in the same state.
--
-- Read it freely with `sqlite3 -readonly var/funding.db`; the views at the end are for people.
-- Times: columns in `_time` are epoch milliseconds of the exchange, columns in `_at` are Unix
-- seconds of this machine, columns in `_uptime` are seconds since this machine booted: they cannot
-- step, so ages are taken from them as long as `feed.boot_id` is the present boot.
--
-- Prices and rates are REAL: the exchange sends at most 8 decimals and 14 significant digits, a
-- double keeps 15, so every value returns as it was sent, and can be compared and summed.

PRAGMA application_id = 0x46554E44; -- "FUND": tells our file from somebody else's

-- One row per symbol: the latest quote. Written by ingest alone, one transaction per frame.
-- A rowid table: rows lie in the order in which symbols first came, so that a frame rewrites the pages
-- of its own class and no others (104 instead of 183 KB a second of stream, measured).
-- NOCASE, since lookups do not mind ASCII case; other letters compare exactly.
CREATE TABLE quote (
    exchange               TEXT    NOT NULL,
    symbol                 TEXT    NOT NULL COLLATE NOCASE,
    mark_price             REAL    NOT NULL CHECK (mark_price > 0),
    index_price            REAL    NOT NULL CHECK (index_price >= 0),
    funding_rate           REAL,              -- fraction per interval; NULL: the contract has none
    next_funding_time      INTEGER,           -- NULL: no settlement is scheduled
    funding_interval_hours INTEGER,           -- learned when a settlement passes; NULL until then
    event_time             INTEGER NOT NULL,  -- never goes back (see quote_table.py)
    updated_at             REAL    NOT NULL,
    received_uptime        REAL,              -- NULL: received before the present boot
    PRIMARY KEY (exchange, symbol)
) STRICT;

-- One row per exchange: how its stream is doing. Counts are since `started_at`, when the present
-- ingest began. Written in the transaction of each frame, and each second without one.
CREATE TABLE feed (
    exchange           TEXT    NOT NULL PRIMARY KEY,
    address            TEXT    NOT NULL,             -- host the quotes come from, never mixed
    pid                INTEGER NOT NULL,
    boot_id            TEXT    NOT NULL,
    started_at         REAL    NOT NULL,
    started_uptime     REAL    NOT NULL,
    heartbeat_at       REAL    NOT NULL,             -- the writer's last turn, frame or not
    heartbeat_uptime   REAL    NOT NULL,
    connected          INTEGER NOT NULL DEFAULT 0 CHECK (connected IN (0, 1)),
    connections        INTEGER NOT NULL DEFAULT 0,   -- open now
    connected_since    REAL,                         -- NULL while not connected
    last_connected_at  REAL,
    last_frame_at      REAL,                         -- the last frame with a good row
    last_frame_uptime  REAL,
    last_event_time    INTEGER,
    frames             INTEGER NOT NULL DEFAULT 0,   -- messages received, of any kind
    accepted           INTEGER NOT NULL DEFAULT 0,   -- rows stored
    repeated           INTEGER NOT NULL DEFAULT 0,   -- good rows, no newer than what is stored
    rejected           INTEGER NOT NULL DEFAULT 0,   -- bad rows
    malformed          INTEGER NOT NULL DEFAULT 0,   -- messages that could not be read
    ignored            INTEGER NOT NULL DEFAULT 0,   -- no quotes: COIN-M, tickers, acknowledgements
    reasons            TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(reasons)), -- what for
    reconnects         INTEGER NOT NULL DEFAULT 0,   -- connection attempts after the first
    attempts_left      REAL    NOT NULL DEFAULT 15,  -- that may be made at once (backoff.Attempts)
    last_error         TEXT,
    last_error_at      REAL
) STRICT;

-- One row per value compared with REST. Whoever compares writes it; kept for 14 days.
-- A symbol that one side does not have is a row too: its value there is NULL.
CREATE TABLE comparison (
    id             INTEGER PRIMARY KEY,
    compared_at    REAL    NOT NULL,
    source         TEXT    NOT NULL,  -- who compared; 'control' is a pair planted to be flagged
    exchange       TEXT    NOT NULL,
    symbol         TEXT    NOT NULL,
    field          TEXT    NOT NULL CHECK (field IN ('mark_price', 'funding_rate')),
    ws_value       REAL,              -- what the service stored
    rest_value     REAL,              -- what the exchange's REST interface said
    difference_pct REAL,              -- of the REST value; rates: of max(|REST rate|, 0.0001)
    skew_ms        INTEGER,           -- event time of the stream less the time of the reply
    outcome        TEXT    NOT NULL CHECK (outcome IN ('match', 'mismatch', 'significant')),
    rest_time      INTEGER,           -- the time in the reply
    explained      INTEGER CHECK (explained IN (0, 1)) -- 1: lag accounts for the difference
) STRICT;

CREATE INDEX comparison_compared_at ON comparison (compared_at);

-- One row per validation report that was stored: may REST be switched off?
CREATE TABLE validation (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('GO', 'NO-GO')),
    since   REAL NOT NULL,
    until   REAL NOT NULL,
    report  TEXT NOT NULL CHECK (json_valid(report)) -- as `--format json` prints it
) STRICT;

-- How often the exchange's REST interface was asked, per UTC minute: what is saved is a query.
CREATE TABLE rest_usage (
    minute INTEGER NOT NULL,  -- Unix seconds / 60
    caller TEXT    NOT NULL,
    route  TEXT    NOT NULL,
    calls  INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    PRIMARY KEY (minute, caller, route)
) STRICT, WITHOUT ROWID;

-- At most one row per host: until then nobody asks it anything.
CREATE TABLE rest_ban (
    address TEXT NOT NULL PRIMARY KEY,
    until   REAL NOT NULL,     -- Unix seconds
    pauses  INTEGER NOT NULL,  -- bans in a row without a stated end: each pause is longer;
                               -- 0: not refused yet, but near the exchange's limit
    reason  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the consumers did last, so that a restart goes on from there.
CREATE TABLE consumer (
    name    TEXT    NOT NULL PRIMARY KEY,  -- 'volume_alert' or 'oi_poller'
    done    INTEGER NOT NULL,              -- Unix seconds: the last scan or loop that is complete
    done_at REAL    NOT NULL               -- when it was
) STRICT, WITHOUT ROWID;

-- One row per alert that was made, in the transaction that also wrote its posts. Kept as long as
-- comparisons are.
CREATE TABLE alert (
    key      TEXT    NOT NULL PRIMARY KEY,  -- consumer, symbol, hour or instant, kind: never twice
    consumer TEXT    NOT NULL,
    symbol   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,  -- SPIKE, HALF_UPDATE, FULL_UPDATE; UP or DOWN with a timeframe
    at       REAL    NOT NULL,  -- Unix seconds: of the scan or sample that it comes from
    body     TEXT    NOT NULL CHECK (json_valid(body)) -- what backends are told
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_at ON alert (consumer, at);

-- One row per post to a target. Written with its alert; sent until the target answers 2xx. Holds
-- no address, key or chat: those are settings.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY,
    consumer        TEXT    NOT NULL,  -- who wrote it, and sends it
    target          TEXT    NOT NULL,  -- 'backend', 'backend-dev' or 'telegram'
    path            TEXT    NOT NULL,  -- below the target's address
    idempotency_key TEXT    NOT NULL,  -- the same at every attempt
    body            TEXT    NOT NULL CHECK (json_valid(body)),
    created_at      REAL    NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    due_at          REAL    NOT NULL,  -- not before this; while it is being sent, when that is over
    sent_at         REAL,              -- NULL: not accepted yet
    last_error      TEXT,              -- status or kind of failure of the last attempt
    UNIQUE (target, idempotency_key)
) STRICT;

CREATE INDEX outbox_due ON outbox (consumer, target, due_at) WHERE sent_at IS NULL;

-- One row per symbol and loop of the poller; kept for OI_RETENTION_HOURS.
CREATE TABLE open_interest (
    at            REAL NOT NULL,  -- Unix seconds: when the exchange answered
    symbol        TEXT NOT NULL,
    open_interest REAL NOT NULL CHECK (open_interest >= 0), -- contracts
    mark_price    REAL,           -- NULL: the service had none that was fresh
    PRIMARY KEY (at, symbol)
) STRICT, WITHOUT ROWID;

-- One row per symbol and timeframe whose open interest has ever left its threshold.
CREATE TABLE open_interest_edge (
    symbol    TEXT NOT NULL,
    timeframe TEXT NOT NULL,  -- '5MIN', '15MIN' or '60MIN'
    outside   TEXT NOT NULL CHECK (outside IN ('', 'UP', 'DOWN')), -- '': inside the threshold
    up_at     REAL,           -- Unix seconds: the last alert upwards; the cool-down counts from it
    down_at   REAL,           -- the same downwards
    PRIMARY KEY (symbol, timeframe)
) STRICT, WITHOUT ROWID;

-- The symbols the poller looks at: what hysteresis goes by, and what to do without a backend.
CREATE TABLE universe (
    symbol     TEXT NOT NULL PRIMARY KEY,
    source     TEXT NOT NULL CHECK (source IN ('backend', 'own')),
    entered_at REAL NOT NULL   -- Unix seconds
) STRICT, WITHOUT ROWID;

-- The audit trail: connects, disconnects, stalls, rotations, restarts, alerts. Kept for 14 days.
CREATE TABLE event (
    id     INTEGER PRIMARY KEY,
    at     REAL NOT NULL,
    source TEXT NOT NULL,
    kind   TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE INDEX event_at ON event (at);

-- For people: the newest first. `annualised_pct` is simple, without compounding, and takes 8 hours
-- where the interval is not known yet.
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

-- For people: what has not been updated for three minutes, by the wall clock; the API and the
-- watchdog use FUNDING_STALE_AFTER and a clock that cannot step.
CREATE VIEW stale AS
SELECT symbol, age_seconds, updated, mark_price, exchange
FROM latest
WHERE age_seconds > 180
ORDER BY age_seconds DESC;

-- For people: the comparisons of the last day that differ most.
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
