-- The only DDL of the database. funding/store/upgrades.py runs it in one transaction on an empty
-- file. Its UPGRADES hold the steps from an older version to this one, and the views are made again
-- from here; both ways end in the same tables.
--
-- `sqlite3 -readonly var/funding.db` may read at any time. The views at the end are for people.
-- Times: columns in `_time` are epoch milliseconds of the exchange, and columns in `_at` are Unix
-- seconds of this machine. Columns in `_uptime` are seconds since this machine booted; that clock
-- never steps, so ages are computed from it while `feed.boot_id` names the present boot.
--
-- Prices and rates are REAL. The exchange sends at most 8 decimals and 14 significant digits, and a
-- double keeps 15: a value is read back exactly as it was sent, and can be compared and summed.

PRAGMA application_id = 0x46554E44; -- "FUND": marks the file as a database of this service

-- One row per symbol: the latest quote. Only ingest writes it, one transaction per frame.
-- It is a rowid table: rows lie in the order in which symbols first came, so a frame rewrites only
-- the pages of its own class of symbols (measured: 104 instead of 183 KB per second of stream).
-- NOCASE, because lookups ignore ASCII case; other letters compare exactly.
CREATE TABLE quote (
    exchange               TEXT    NOT NULL,
    symbol                 TEXT    NOT NULL COLLATE NOCASE,
    mark_price             REAL    NOT NULL CHECK (mark_price > 0),
    index_price            REAL    NOT NULL CHECK (index_price >= 0),
    funding_rate           REAL,              -- fraction per interval; NULL: the contract has none
    next_funding_time      INTEGER,           -- NULL: no settlement is scheduled
    funding_interval_hours INTEGER,           -- from REST, or two equal steps; NULL: not known
    event_time             INTEGER NOT NULL,  -- never goes back (store/quote_table.py)
    updated_at             REAL    NOT NULL,
    received_uptime        REAL,              -- when it would have been received without the
                                              -- feed's lag; NULL: received before this boot
    funding_step_hours     INTEGER,           -- the last step of next_funding_time that was witnessed
    PRIMARY KEY (exchange, symbol)
) STRICT;

-- One row per exchange: the state of its stream. Counts begin at `started_at`, when the present
-- ingest started. It is written in the transaction of each frame, and every second without a frame.
CREATE TABLE feed (
    exchange           TEXT    NOT NULL PRIMARY KEY,
    address            TEXT    NOT NULL,             -- host of the stream; one per database
    pid                INTEGER NOT NULL,
    boot_id            TEXT    NOT NULL,
    started_at         REAL    NOT NULL,
    started_uptime     REAL    NOT NULL,
    heartbeat_at       REAL    NOT NULL,             -- the writer's last turn, with or without a frame
    heartbeat_uptime   REAL    NOT NULL,
    connected          INTEGER NOT NULL DEFAULT 0 CHECK (connected IN (0, 1)),
    connections        INTEGER NOT NULL DEFAULT 0,   -- open now
    connected_since    REAL,                         -- NULL while not connected
    last_connected_at  REAL,
    last_frame_at      REAL,                         -- last frame with at least one good row
    last_frame_uptime  REAL,
    last_event_time    INTEGER,
    frames             INTEGER NOT NULL DEFAULT 0,   -- messages received, of any kind
    accepted           INTEGER NOT NULL DEFAULT 0,   -- rows stored
    repeated           INTEGER NOT NULL DEFAULT 0,   -- good rows that were not newer than the stored ones
    rejected           INTEGER NOT NULL DEFAULT 0,   -- rows that were not valid
    malformed          INTEGER NOT NULL DEFAULT 0,   -- messages that could not be read
    ignored            INTEGER NOT NULL DEFAULT 0,   -- not quotes: COIN-M, tickers, acknowledgements
    reasons            TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(reasons)), -- counts by reason
    reconnects         INTEGER NOT NULL DEFAULT 0,   -- connection attempts after the first
    attempts_left      REAL    NOT NULL DEFAULT 15,  -- attempts allowed without a pause (runtime/backoff.py)
    last_error         TEXT,
    last_error_at      REAL,
    lag_seconds        REAL    NOT NULL DEFAULT 0,   -- by how much more than at best the stream is late
    good_since         REAL,                         -- first accepted frame of the present connection
    store_locked_since REAL,                         -- as ingest last wrote: always NULL while it can
    least_delay        REAL                          -- least (uptime of receipt − event time) of an hour,
                                                     -- seconds: lag is measured from it
) STRICT;

-- One row per contract that the exchange lists, as it says itself. The watchdog writes all rows of
-- an exchange in one transaction. A symbol with a quote and no row here is UNKNOWN.
CREATE TABLE contract (
    exchange               TEXT NOT NULL,
    symbol                 TEXT NOT NULL COLLATE NOCASE,
    status                 TEXT NOT NULL
        CHECK (status IN ('TRADING', 'SETTLING', 'PENDING', 'CLOSED', 'UNKNOWN')),
    contract_type          TEXT,           -- in the exchange's words
    base_asset             TEXT NOT NULL,  -- canonical: XBT is BTC, 1000PEPE is PEPE
    quote_asset            TEXT NOT NULL,
    multiplier             REAL NOT NULL CHECK (multiplier > 0), -- 1000 for 1000PEPE
    delivery_time          INTEGER,        -- NULL: none is set
    funding_interval_hours INTEGER,        -- NULL: not known
    interval_source        TEXT CHECK (interval_source IN ('exchange', 'settlements')),
    rate_cap               REAL,           -- bounds of the funding rate, fractions per interval
    rate_floor             REAL,
    checked_at             REAL NOT NULL,
    PRIMARY KEY (exchange, symbol)
) STRICT, WITHOUT ROWID;

-- One row per value compared with REST. The program that compares writes it; rows are kept for
-- FUNDING_COMPARISON_DAYS. A symbol that one side lacks has a row too, with NULL for that side.
CREATE TABLE comparison (
    id             INTEGER PRIMARY KEY,
    compared_at    REAL    NOT NULL,
    source         TEXT    NOT NULL,  -- the program that compared; 'control': a pair planted to differ
    exchange       TEXT    NOT NULL,
    symbol         TEXT    NOT NULL,
    field          TEXT    NOT NULL CHECK (field IN ('mark_price', 'funding_rate', 'index_price')),
    ws_value       REAL,              -- the stored quote's value
    rest_value     REAL,              -- REST's value
    difference_pct REAL,              -- percent of the REST value; for rates of max(|REST rate|, 0.0001)
    skew_ms        INTEGER,           -- event time of the stream minus the time of REST's reply
    outcome        TEXT    NOT NULL CHECK (outcome IN ('match', 'mismatch', 'significant')),
    rest_time      INTEGER,           -- time in REST's reply, epoch ms
    explained      INTEGER CHECK (explained IN (0, 1)) -- 1: lag explains the difference
) STRICT;

CREATE INDEX comparison_compared_at ON comparison (compared_at);

-- One row per stored validation report: may REST be switched off?
CREATE TABLE validation (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('GO', 'NO-GO')),
    since   REAL NOT NULL,
    until   REAL NOT NULL,
    report  TEXT NOT NULL CHECK (json_valid(report)) -- the same document as `--format json` prints
) STRICT;

-- Calls to the exchange's REST interface per UTC minute, so that the saving is a query.
CREATE TABLE rest_usage (
    minute INTEGER NOT NULL,  -- Unix seconds / 60
    caller TEXT    NOT NULL,
    route  TEXT    NOT NULL,
    calls  INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    PRIMARY KEY (minute, caller, route)
) STRICT, WITHOUT ROWID;

-- At most one row per host, of REST, of the stream or of a backend: no program asks that host before
-- `until`.
CREATE TABLE rest_ban (
    address TEXT NOT NULL PRIMARY KEY,
    until   REAL NOT NULL,     -- Unix seconds
    pauses  INTEGER NOT NULL,  -- bans in a row without a stated end; each pause is longer than
                               -- the one before
    reason  TEXT NOT NULL,
    kind    TEXT NOT NULL DEFAULT 'banned' CHECK (kind IN ('banned', 'over-budget'))
                               -- 'over-budget': not refused, but near the exchange's limit
) STRICT, WITHOUT ROWID;

-- What each consumer finished last, so that a restart continues from there; when the watchdog
-- looked last.
CREATE TABLE consumer (
    name    TEXT    NOT NULL PRIMARY KEY,  -- 'volume_alert', 'oi_poller', 'watchdog'
    done    INTEGER NOT NULL,              -- Unix seconds that the last complete scan, loop or look stands for
    done_at REAL    NOT NULL               -- Unix seconds when it was complete
) STRICT, WITHOUT ROWID;

-- One row per alert, written in one transaction with its posts. Rows are kept for
-- FUNDING_COMPARISON_DAYS.
CREATE TABLE alert (
    key      TEXT    NOT NULL PRIMARY KEY,  -- consumer, symbol, hour or instant, kind: unique
    consumer TEXT    NOT NULL,
    symbol   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,  -- SPIKE, HALF_UPDATE, FULL_UPDATE; UP or DOWN with a timeframe
    at       REAL    NOT NULL,  -- Unix seconds of the scan or sample that caused it
    body     TEXT    NOT NULL CHECK (json_valid(body)) -- the JSON that backends receive
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_at ON alert (consumer, at);

-- One row per post to a target. It is written with its alert, and sent again until the target
-- answers 2xx. It never holds an address, a key or a chat: those are settings.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY,
    consumer        TEXT    NOT NULL,  -- the consumer that wrote it and sends it
    target          TEXT    NOT NULL,  -- 'backend', 'backend-dev' or 'telegram'
    path            TEXT    NOT NULL,  -- below the target's address
    idempotency_key TEXT    NOT NULL,  -- the same on every attempt
    body            TEXT    NOT NULL CHECK (json_valid(body)),
    created_at      REAL    NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    due_at          REAL    NOT NULL,  -- not sent before this; during an attempt, the end of that attempt
    sent_at         REAL,              -- NULL: not accepted yet
    last_error      TEXT,              -- status or kind of failure of the last attempt
    UNIQUE (target, idempotency_key)
) STRICT;

CREATE INDEX outbox_due ON outbox (consumer, target, due_at) WHERE sent_at IS NULL;

-- One row per symbol and loop of the poller. Rows are kept for OI_RETENTION_HOURS.
CREATE TABLE open_interest (
    at            REAL NOT NULL,  -- Unix seconds when the exchange answered
    symbol        TEXT NOT NULL,
    open_interest REAL NOT NULL CHECK (open_interest >= 0), -- contracts
    mark_price    REAL,           -- NULL: the service had no fresh one
    PRIMARY KEY (at, symbol)
) STRICT, WITHOUT ROWID;

-- One row per symbol and timeframe whose open interest was ever outside its threshold.
CREATE TABLE open_interest_edge (
    symbol    TEXT NOT NULL,
    timeframe TEXT NOT NULL,  -- '5MIN', '15MIN' or '60MIN'
    outside   TEXT NOT NULL CHECK (outside IN ('', 'UP', 'DOWN')), -- '': inside the threshold
    up_at     REAL,           -- Unix seconds of the last alert upwards, where its cool-down starts
    down_at   REAL,           -- the same for alerts downwards
    PRIMARY KEY (symbol, timeframe)
) STRICT, WITHOUT ROWID;

-- The symbols that the poller follows. Its own choice without a backend depends on these
-- (a symbol enters at a higher volume than it leaves).
CREATE TABLE universe (
    symbol     TEXT NOT NULL PRIMARY KEY,
    source     TEXT NOT NULL CHECK (source IN ('backend', 'own')),
    entered_at REAL NOT NULL   -- Unix seconds
) STRICT, WITHOUT ROWID;

-- The audit trail: connects, disconnects, stalls, rotations, restarts, alerts. Rows are kept for
-- FUNDING_COMPARISON_DAYS.
CREATE TABLE event (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    source  TEXT NOT NULL,
    kind    TEXT NOT NULL,  -- EventKind in funding/model/event.py
    detail  TEXT NOT NULL,  -- for people
    program TEXT,           -- the process that was acted upon, as supervisord names it
    rule    TEXT,           -- why: a rule in funding/watchdog/restart_rules.py
    duration_seconds REAL,  -- NULL: an instant, or not over yet
    count   INTEGER NOT NULL DEFAULT 1  -- how often it happened, where one row stands for several
) STRICT;

CREATE INDEX event_at ON event (at);

-- For people: all quotes, the newest first. `annualised_pct` is simple, without compounding, and
-- assumes 8 hours where the funding interval is not known yet. `age_seconds` is by the wall clock,
-- NULL where it is not known: the quote was received before this boot, or its time lies ahead.
-- `status` is that of the contract, NULL before the exchange was asked.
CREATE VIEW latest AS
SELECT
    symbol,
    mark_price,
    index_price,
    round(funding_rate * 100, 6) AS funding_pct,
    round(funding_rate * 100 * 24 * 365
        / coalesce(quote.funding_interval_hours, contract.funding_interval_hours, 8), 2)
        AS annualised_pct,
    strftime('%Y-%m-%dT%H:%M:%SZ', next_funding_time / 1000, 'unixepoch') AS next_funding,
    CASE WHEN received_uptime IS NOT NULL AND updated_at <= (julianday('now') - 2440587.5) * 86400 + 1
        THEN round(max(0.0, (julianday('now') - 2440587.5) * 86400 - updated_at), 1) END
        AS age_seconds,
    strftime('%Y-%m-%dT%H:%M:%SZ', updated_at, 'unixepoch') AS updated,
    exchange,
    coalesce(
        contract.status,
        (SELECT 'UNKNOWN' FROM contract AS other WHERE other.exchange = quote.exchange LIMIT 1)
    ) AS status
FROM quote LEFT JOIN contract USING (exchange, symbol)
ORDER BY updated_at DESC, symbol;

-- For people: symbols not updated for three minutes by the wall clock. The API and the watchdog use
-- FUNDING_STALE_AFTER instead, and a clock that never steps.
CREATE VIEW stale AS
SELECT symbol, age_seconds, updated, mark_price, exchange
FROM latest
WHERE age_seconds > 180 OR age_seconds IS NULL
ORDER BY age_seconds DESC NULLS FIRST;

-- For people: what the exchange lists, the contracts that do not trade first.
CREATE VIEW contracts AS
SELECT
    symbol,
    status,
    contract_type,
    base_asset,
    quote_asset,
    multiplier,
    strftime('%Y-%m-%dT%H:%M:%SZ', delivery_time / 1000, 'unixepoch') AS delivery,
    funding_interval_hours,
    interval_source,
    round(rate_cap * 100, 6) AS cap_pct,
    round(rate_floor * 100, 6) AS floor_pct,
    strftime('%Y-%m-%dT%H:%M:%SZ', checked_at, 'unixepoch') AS checked,
    exchange
FROM contract
ORDER BY status = 'TRADING', symbol, exchange;

-- For people: how available the data and the API were in the seven days before the watchdog's last
-- look, or since the first event. What nobody observed does not count.
CREATE VIEW availability AS
WITH
    span AS (
        SELECT max(done_at - 7 * 86400, (SELECT min(at) FROM event)) AS since, done_at AS until
        FROM consumer WHERE name = 'watchdog'
    ),
    part AS (
        SELECT kind, rule,
            min(until, at + coalesce(duration_seconds, until - at)) - max(since, at) AS seconds
        FROM event, span WHERE kind IN ('unhealthy', 'unobserved')
    ),
    observed AS (
        SELECT until - since - (
            SELECT coalesce(sum(seconds), 0) FROM part WHERE kind = 'unobserved' AND seconds > 0
        ) AS seconds FROM span
    ),
    asked (rule) AS (VALUES ('data'), ('api'))
SELECT
    asked.rule,
    round(observed.seconds, 1) AS observed_seconds,
    round(coalesce(sum(part.seconds), 0), 1) AS unhealthy_seconds,
    round(100 * (1 - coalesce(sum(part.seconds), 0) / observed.seconds), 4) AS available_pct
FROM asked, observed
LEFT JOIN part ON part.kind = 'unhealthy' AND part.rule = asked.rule AND part.seconds > 0
WHERE observed.seconds > 0
GROUP BY asked.rule
ORDER BY asked.rule DESC;

-- For people: the twenty comparisons of the last day that differ most.
CREATE VIEW worst_differences AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', compared_at, 'unixepoch') AS compared,
    source, symbol, field, ws_value, rest_value,
    round(difference_pct, 4) AS difference_pct, skew_ms, outcome
FROM comparison
WHERE source <> 'control' AND compared_at > (julianday('now') - 2440588.5) * 86400
ORDER BY abs(difference_pct) DESC
LIMIT 20;

PRAGMA user_version = 3;
