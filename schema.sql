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
--
-- In a table WITHOUT ROWID the columns of the key come first, in whatever order: otherwise the
-- integrity_check of SQLite 3.40 (Debian 12) finds a NULL in the columns before the last of them.

PRAGMA application_id = 0x46554E44; -- "FUND": marks the file as a database of this service

-- One row per symbol: the latest quote. Ingest writes it, one transaction per frame, and while REST
-- stands in the history program, by the same statement.
-- It is a rowid table: rows lie in the order in which symbols first came, so a frame rewrites only
-- the pages of its own class of symbols (measured: 104 instead of 183 KB per second of stream).
-- NOCASE, because lookups ignore ASCII case; other letters compare exactly.
CREATE TABLE quote (
    exchange               TEXT    NOT NULL,
    symbol                 TEXT    NOT NULL COLLATE NOCASE,
    mark_price             REAL    NOT NULL CHECK (mark_price > 0),
    index_price            REAL    NOT NULL CHECK (index_price >= 0), -- 0: the exchange gives none
    funding_rate           REAL,              -- fraction per interval; NULL: the contract has none
    next_funding_time      INTEGER,           -- NULL: no settlement is scheduled
    funding_interval_hours INTEGER,           -- from REST, or two equal steps; NULL: not known
    event_time             INTEGER NOT NULL,  -- never goes back (store/quote_table.py)
    updated_at             REAL    NOT NULL,
    received_uptime        REAL,              -- when it would have been received without the
                                              -- feed's lag; NULL: received before this boot
    funding_step_hours     INTEGER,           -- the last step of next_funding_time that was witnessed
    source                 TEXT NOT NULL DEFAULT 'websocket' CHECK (source IN ('websocket', 'rest')),
                                              -- 'rest': the stream was away, REST stood in
    z_score                REAL,              -- against funding_stats, for this very quote
    z_reason               TEXT,              -- in words, why z_score is NULL
    percentile             REAL CHECK (percentile BETWEEN 0 AND 100), -- among the settled rates
    zone                   TEXT               -- NULL: no z_score; a list of three would cost 0.5 ms
        CHECK (zone = 'normal' OR zone = 'high' OR zone = 'extreme'), -- a frame (quote_table.py)
    signal_level           INTEGER,           -- the zone of the last signal, with its side: −2 is
                                              -- extreme below the mean; NULL: no z_score yet
    PRIMARY KEY (exchange, symbol)
) STRICT;

-- The stream's last quote of each symbol for which REST stands in, or has stood in: an ingest that
-- starts meanwhile compares with it, so that no signal is lost. Only where `quote.source` is 'rest'.
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
    store_locked_since REAL,                         -- not used: a lock is an event of kind 'locked'
    least_delay        REAL,                         -- least (uptime of receipt − event time) of an hour,
                                                     -- seconds: lag is measured from it
    standby_since      REAL,                         -- since when REST stands in; NULL: it does not
    exchange_offset    REAL,                         -- the exchange's clock (Unix seconds) minus uptime, as
                                                     -- REST tells it; the watchdog writes it
    not_followed       TEXT    NOT NULL DEFAULT '{}' -- what the settings name and the exchange does
        CHECK (json_valid(not_followed))             -- not have or refuses: the reason by name
) STRICT;

-- One row per contract that the exchange lists, as it says itself. One program writes all rows of
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
    listed_time            INTEGER,        -- when its trading began, epoch ms; NULL: not known
    base_rate_hourly       REAL,           -- the rate where no premium is paid, a fraction per hour:
                                           -- a settled rate equal to it is pinned; NULL: not known
    interval_changed_at    REAL,           -- when another interval than before was first seen;
                                           -- NULL: never since the contract is known here
    base_changed_at        REAL,           -- the same for base_rate_hourly
    next_interval_hours    INTEGER,        -- announced by the exchange, from next_interval_time (ms)
    next_interval_time     INTEGER,        -- on; NULL: no change of the interval is announced
    PRIMARY KEY (exchange, symbol)
) STRICT, WITHOUT ROWID;

-- Settled rates, which were charged. The history program writes them; nothing changes one later.
-- `funding_time` is as the exchange sent it, some ms after the full hour.
-- The key begins with the symbol, so that a person who names one alone finds its rows at once.
CREATE TABLE funding_rate (
    exchange       TEXT    NOT NULL,
    symbol         TEXT    NOT NULL COLLATE NOCASE,
    funding_time   INTEGER NOT NULL,
    rate_type      TEXT    NOT NULL,  -- in the exchange's words: 'Regular', or 'Special' beside it
    rate           REAL    NOT NULL,  -- fraction of the position, for the whole interval
    mark_price     REAL,              -- NULL: the exchange did not say
    interval_hours INTEGER,           -- that the rate stands for; NULL: not known
    source         TEXT    NOT NULL CHECK (source IN ('rest', 'stream', 'file')),
    PRIMARY KEY (symbol, exchange, funding_time, rate_type)
) STRICT, WITHOUT ROWID;

-- How far the history of a symbol was asked for: what the exchange has between the two times is in
-- funding_rate, written in the same transaction.
CREATE TABLE backfill (
    exchange   TEXT    NOT NULL,
    symbol     TEXT    NOT NULL COLLATE NOCASE,
    from_time  INTEGER NOT NULL,
    until_time INTEGER NOT NULL CHECK (until_time >= from_time),
    updated_at REAL    NOT NULL,
    PRIMARY KEY (exchange, symbol)
) STRICT, WITHOUT ROWID;

-- One row per gap in funding_rate that the exchange was asked about and could not fill: it missed
-- these settlements, or has not published them yet. A gap that is filled later loses its row.
CREATE TABLE funding_gap (
    exchange    TEXT    NOT NULL,
    symbol      TEXT    NOT NULL COLLATE NOCASE,
    after_time  INTEGER NOT NULL,  -- the last settlement before it, epoch ms
    before_time INTEGER NOT NULL,  -- the first one after it
    missing     INTEGER NOT NULL CHECK (missing > 0), -- settlements
    found_at    REAL    NOT NULL,
    asked_at    REAL    NOT NULL,  -- when the exchange was asked last
    PRIMARY KEY (symbol, exchange, after_time)
) STRICT, WITHOUT ROWID;

-- What the settled rates of the last FUNDING_HISTORY_DAYS say of each symbol. Rates are per hour:
-- those of other intervals can be compared. The history program writes it, after settlements and
-- every hour; ingest makes each quote's z_score from it.
CREATE TABLE funding_stats (
    exchange    TEXT    NOT NULL,
    symbol      TEXT    NOT NULL COLLATE NOCASE,
    mean        REAL,              -- fraction per hour; NULL: no settlement
    deviation   REAL CHECK (deviation >= 0), -- of the sample; NULL: fewer than two settlements
    count       INTEGER NOT NULL,
    coverage    REAL    NOT NULL CHECK (coverage BETWEEN 0 AND 1), -- hours that settlements stand
                                   -- for, of the hours since `since`
    pinned      REAL CHECK (pinned BETWEEN 0 AND 1), -- share of rates at their base; NULL: no base
    since       INTEGER NOT NULL,  -- where the window begins, epoch ms: it is shorter for a contract
                                   -- that was listed within it
    computed_at REAL    NOT NULL,
    reason      TEXT,              -- in words, why there is no z_score, whatever the quote
    quantiles   TEXT CHECK (json_valid(quantiles)), -- of the rates per hour, in equal steps from
                                   -- the lowest to the highest: an array
    PRIMARY KEY (exchange, symbol)
) STRICT, WITHOUT ROWID;

CREATE INDEX funding_stats_computed_at ON funding_stats (exchange, computed_at);

-- What a quote has set off, written in its transaction. Rows are kept for FUNDING_COMPARISON_DAYS.
CREATE TABLE signal (
    id        INTEGER PRIMARY KEY,
    at        REAL NOT NULL,
    exchange  TEXT NOT NULL,
    symbol    TEXT NOT NULL,  -- '*': so many `symbols` at once
    kind      TEXT NOT NULL CHECK (kind IN ('zone', 'move', 'cross')),
    zone      TEXT CHECK (zone IN ('normal', 'high', 'extreme')),
    direction TEXT NOT NULL CHECK (direction IN ('up', 'down')),
    rate      REAL,           -- fraction per interval
    z_score   REAL,
    detail    TEXT NOT NULL,  -- for people
    symbols   INTEGER NOT NULL DEFAULT 1,
    target    TEXT,           -- where it is sent; NULL: to every target
    event_time INTEGER        -- of the quote that set it off, by which two machines' rows are known to
                              -- be one signal; of a storm the first one's; NULL: of an older version
) STRICT;

CREATE INDEX signal_at ON signal (at);

-- Mark price and rate of each symbol per minute, folded into hours. Ingest writes them. A minute of
-- all symbols lies together, so that it is some twenty pages on the disk: by symbol it would be one
-- page for each.
CREATE TABLE bar (
    exchange    TEXT    NOT NULL,
    symbol      TEXT    NOT NULL COLLATE NOCASE,
    period      INTEGER NOT NULL CHECK (period IN (60, 3600)), -- seconds
    start       INTEGER NOT NULL,  -- Unix seconds, a multiple of the period
    open        REAL    NOT NULL,  -- of the mark price
    high        REAL    NOT NULL,
    low         REAL    NOT NULL,
    close       REAL    NOT NULL,
    index_close REAL,
    rate_close  REAL,              -- fraction per interval
    quotes      INTEGER NOT NULL,  -- that it was made of; 0: filled in from REST
    PRIMARY KEY (exchange, period, start, symbol)
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

-- One row per stored validation report: may REST be switched off? A report on less than a day, which
-- can only say NO-GO, is not stored. Rows are kept for 90 days.
CREATE TABLE validation (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('GO', 'NO-GO')),
    since   REAL NOT NULL,
    until   REAL NOT NULL,
    report  TEXT NOT NULL CHECK (json_valid(report)), -- the same document as `--format json` prints
    exchange TEXT NOT NULL DEFAULT 'binance'
) STRICT;

-- Calls to the exchanges' REST interfaces per UTC minute, so that the saving is a query.
CREATE TABLE rest_usage (
    minute   INTEGER NOT NULL,  -- Unix seconds / 60
    caller   TEXT    NOT NULL,
    route    TEXT    NOT NULL,  -- no two exchanges have one of the same name
    calls    INTEGER NOT NULL,
    weight   INTEGER NOT NULL,
    exchange TEXT    NOT NULL DEFAULT 'binance',
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
    name    TEXT    NOT NULL PRIMARY KEY,  -- 'volume_alert', 'oi_poller', 'signal_alert', 'watchdog'
    done    INTEGER NOT NULL,              -- Unix seconds that the last complete scan, loop or look stands for;
                                           -- of 'signal_alert' the id of the last signal that was told;
                                           -- of 'publish-signal', 'publish-event', 'publish-comparison'
                                           -- the id of the last row that the NATS server has stored, and
                                           -- of 'publish-stream' the number of the last message there
    done_at REAL    NOT NULL               -- Unix seconds when it was complete; of 'publish-…' the time
                                           -- of that row, or when that stream was made, by which each is
                                           -- known again
) STRICT, WITHOUT ROWID;

-- One row per alert, written in one transaction with its posts. Rows are kept for
-- FUNDING_COMPARISON_DAYS.
CREATE TABLE alert (
    key      TEXT    NOT NULL PRIMARY KEY,  -- consumer, symbol, hour or instant, kind: unique
    consumer TEXT    NOT NULL,  -- 'alerts': the watchdog, for which `symbol` is what it is about
    symbol   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,  -- SPIKE, HALF_UPDATE, FULL_UPDATE; UP or DOWN with a timeframe;
                                -- of the watchdog: AlertKind in funding/watchdog/alert_rules.py
    at       REAL    NOT NULL,  -- Unix seconds of the scan or sample that caused it
    body     TEXT    NOT NULL CHECK (json_valid(body)) -- the JSON that backends receive
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_at ON alert (consumer, at);

-- One row per post to a target. It is written with its alert, and sent again until the target
-- answers 2xx. It never holds an address, a key or a chat: those are settings.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY,
    consumer        TEXT    NOT NULL,  -- the consumer that wrote it and sends it
    target          TEXT    NOT NULL,  -- 'backend', 'backend-dev', 'telegram' or 'webhook'
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
-- NULL where the funding interval is not known. `basis_pct` is the mark price over the index price;
-- both are NULL where the exchange gives no index. `age_seconds` is by the wall clock, NULL where it
-- is not known: the quote was received before this boot, or its time lies ahead. `status` is
-- that of the contract, NULL before the exchange was asked.
CREATE VIEW latest AS
SELECT
    symbol,
    mark_price,
    nullif(index_price, 0) AS index_price,
    round((mark_price / nullif(index_price, 0) - 1) * 100, 4) AS basis_pct,
    round(funding_rate * 100, 6) AS funding_pct,
    round(funding_rate * 100 * 24 * 365
        / coalesce(contract.funding_interval_hours, quote.funding_interval_hours), 2)
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
    ) AS status,
    source,
    round(z_score, 2) AS z_score,
    z_reason,
    round(percentile, 1) AS percentile,
    zone
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
    exchange,
    strftime('%Y-%m-%dT%H:%M:%SZ', listed_time / 1000, 'unixepoch') AS listed,
    round(base_rate_hourly * funding_interval_hours * 100, 6) AS base_pct,
    strftime('%Y-%m-%dT%H:%M:%SZ', interval_changed_at, 'unixepoch') AS interval_changed
FROM contract
ORDER BY status = 'TRADING', symbol, exchange;

-- For people: the audit trail, the newest first. `seconds` is NULL for an instant, and for what is
-- not over yet; `count` is how often it happened.
CREATE VIEW events AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', at, 'unixepoch') AS at,
    source, kind, program, rule,
    round(duration_seconds, 1) AS seconds,
    count,
    detail
FROM event
ORDER BY id DESC;

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

-- For people: the twenty highest and the twenty lowest annualised rates of contracts that trade.
CREATE VIEW extremes AS
WITH
    rated AS (
        SELECT symbol, annualised_pct, funding_pct, next_funding, z_score, zone, mark_price,
            age_seconds, exchange
        FROM latest WHERE status = 'TRADING'
            AND abs(annualised_pct) <= 35040 -- 4 % an hour: more is an error of the exchange's data
    ),
    ranked AS (
        SELECT *,
            row_number() OVER (ORDER BY annualised_pct DESC) AS from_top,
            row_number() OVER (ORDER BY annualised_pct) AS from_bottom
        FROM rated
    )
SELECT symbol, annualised_pct, funding_pct, next_funding, z_score, zone, mark_price, age_seconds,
    exchange
FROM ranked WHERE from_top <= 20 OR from_bottom <= 20
ORDER BY annualised_pct DESC, symbol;

-- For people: what settles next, the highest rates first.
CREATE VIEW settlements AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', next_funding_time / 1000, 'unixepoch') AS next_funding,
    round((next_funding_time / 1000.0 - (julianday('now') - 2440587.5) * 86400) / 60, 1)
        AS minutes_left,
    symbol,
    round(funding_rate * 100, 6) AS funding_pct,
    coalesce(contract.funding_interval_hours, quote.funding_interval_hours)
        AS funding_interval_hours,
    mark_price,
    exchange
FROM quote LEFT JOIN contract USING (exchange, symbol)
WHERE next_funding_time IS NOT NULL AND coalesce(contract.status, 'TRADING') = 'TRADING'
ORDER BY next_funding_time, abs(funding_rate) DESC, symbol;

-- For people: the widest difference of rates that each asset has between two exchanges, per hour and
-- per year. Both contracts trade and were heard of in the last three minutes; their prices for one
-- unit lie within a fifth of each other, or the name stands for two assets. Quote currencies differ:
-- see the symbols.
CREATE VIEW spreads AS
WITH
    leg AS (
        SELECT
            base_asset, exchange, symbol, mark_price / multiplier AS unit_price,
            funding_rate / coalesce(contract.funding_interval_hours, quote.funding_interval_hours)
                AS hourly
        FROM quote JOIN contract USING (exchange, symbol)
        WHERE status = 'TRADING' AND received_uptime IS NOT NULL
            AND updated_at > (julianday('now') - 2440587.5) * 86400 - 180
            AND abs(hourly) <= 0.04 -- more is an error of the exchange's data
    ),
    pair AS (
        SELECT
            high.base_asset AS asset, high.hourly - low.hourly AS hourly,
            high.exchange AS high_exchange, high.symbol AS high_symbol,
            low.exchange AS low_exchange, low.symbol AS low_symbol,
            row_number() OVER (
                PARTITION BY high.base_asset ORDER BY high.hourly - low.hourly DESC
            ) AS place
        FROM leg AS high JOIN leg AS low USING (base_asset)
        WHERE high.exchange <> low.exchange AND high.hourly > low.hourly
            AND max(high.unit_price, low.unit_price) <= 1.2 * min(high.unit_price, low.unit_price)
    )
SELECT
    asset,
    round(hourly * 100, 6) AS hourly_pct,
    round(hourly * 100 * 24 * 365, 2) AS annualised_pct,
    high_exchange, high_symbol, low_exchange, low_symbol
FROM pair
WHERE place = 1
ORDER BY hourly DESC;

-- For people: settled rates, the newest first, those of one settlement by symbol: they are stored
-- with times some milliseconds apart.
CREATE VIEW history AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', funding_time / 1000, 'unixepoch') AS settled,
    symbol,
    round(rate * 100, 6) AS funding_pct,
    round(rate * 100 * 24 * 365 / interval_hours, 2) AS annualised_pct,
    interval_hours,
    rate_type,
    mark_price,
    source,
    exchange
FROM funding_rate
ORDER BY funding_time / 60000 DESC, symbol, exchange, rate_type;

-- For people: per UTC day and program, how often it started and ended by itself, as supervisord saw
-- it, how often the watchdog restarted or killed it, and why.
CREATE VIEW restarts AS
WITH acted AS (
    SELECT date(at, 'unixepoch') AS day, coalesce(program, source) AS program, source, kind, rule
    FROM event
    WHERE kind IN ('restart', 'kill', 'crash')
        OR kind = 'start' AND instr(source, ':') > 0 AND program IS NOT NULL
)
SELECT
    day,
    program,
    count(*) FILTER (WHERE kind = 'start') AS starts,
    count(*) FILTER (WHERE kind = 'crash') AS crashes,
    count(*) FILTER (WHERE kind = 'restart') AS restarts,
    count(*) FILTER (WHERE kind = 'kill') AS kills,
    group_concat(DISTINCT rule) FILTER (WHERE kind IN ('restart', 'kill')) AS rules
FROM acted
GROUP BY day, program
ORDER BY day DESC, program;

-- For people: per UTC day and exchange, the calls to REST and their weight; and what it would have
-- cost instead to ask for the price of each symbol every five minutes, one call each, in the time of
-- these calls.
CREATE VIEW rest_saved AS
WITH used AS (
    SELECT
        date(minute * 60, 'unixepoch') AS day,
        exchange,
        sum(calls) AS calls,
        sum(weight) AS weight,
        coalesce(sum(calls) FILTER (WHERE route LIKE '%premium%'), 0) AS price_calls,
        coalesce(sum(weight) FILTER (WHERE route LIKE '%premium%'), 0) AS price_weight,
        (max(minute) - min(minute) + 1) / 5.0
            * (SELECT count(*) FROM quote WHERE quote.exchange = rest_usage.exchange) AS asked
    FROM rest_usage GROUP BY day, exchange
)
SELECT day, exchange, calls, weight, price_calls, price_weight,
    CAST(asked AS INTEGER) AS calls_instead,
    CAST(asked AS INTEGER) - price_calls AS calls_saved,
    CAST(asked AS INTEGER) - price_weight AS weight_saved
FROM used
ORDER BY day DESC, exchange;

PRAGMA user_version = 6;
