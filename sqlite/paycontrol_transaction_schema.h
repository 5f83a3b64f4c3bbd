// PayControl's tables of transactions, operations, confirmation attempts, events and attempts at codes: the second migration of the
// family (the first has systems, users and keys). Times are milliseconds since 1970.
#pragma once

#include <string_view>

namespace signet::sqlite {

inline constexpr std::string_view kPaycontrolTransactionTables = R"sql(
CREATE TABLE paycontrol_operations (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    operation_id  TEXT NOT NULL UNIQUE,
    system_id     TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    status        INTEGER NOT NULL CHECK (status BETWEEN 1 AND 4),
    description   TEXT,
    markdown      INTEGER NOT NULL,
    push          INTEGER NOT NULL,
    callback_url  TEXT NOT NULL,
    ttl           INTEGER NOT NULL,
    extended      INTEGER NOT NULL,
    code_length   INTEGER,
    app_extra     TEXT,
    expires       INTEGER,
    unfinished    INTEGER NOT NULL CHECK (unfinished >= 0),
    total         INTEGER NOT NULL,
    created       INTEGER NOT NULL,
    ended         INTEGER
) STRICT;
CREATE INDEX paycontrol_operations_open ON paycontrol_operations (system_id, user_id, id) WHERE ended IS NULL;
CREATE INDEX paycontrol_operations_expiry ON paycontrol_operations (expires)
    WHERE ended IS NULL AND expires IS NOT NULL;
CREATE INDEX paycontrol_operations_age ON paycontrol_operations (created);

CREATE TABLE paycontrol_transactions (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_id TEXT NOT NULL UNIQUE,
    system_id      TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    operation      INTEGER REFERENCES paycontrol_operations (id),
    type           INTEGER NOT NULL,
    status         INTEGER NOT NULL CHECK (status BETWEEN 1 AND 5),
    data_type      INTEGER NOT NULL CHECK (data_type BETWEEN 1 AND 4),
    text           TEXT NOT NULL,
    markdown       INTEGER NOT NULL,
    binary         BLOB NOT NULL,
    data_hash      BLOB NOT NULL CHECK (length(data_hash) = 32),
    snippet        TEXT,
    snippet_markdown INTEGER NOT NULL,
    push           INTEGER NOT NULL,
    callback_url   TEXT NOT NULL,
    code_length    INTEGER,
    ttl            INTEGER NOT NULL,
    expires        INTEGER,
    extended       INTEGER NOT NULL,
    autosign       INTEGER NOT NULL,
    url_template   TEXT,
    deeplink_only  INTEGER NOT NULL,
    app_start      TEXT,
    app_extra      TEXT,
    wrong_codes    INTEGER NOT NULL DEFAULT 0,
    extra          TEXT NOT NULL DEFAULT '',   -- JSON, by type
    created        INTEGER NOT NULL,
    ended          INTEGER,
    outcome        INTEGER NOT NULL DEFAULT 0 CHECK (outcome BETWEEN 0 AND 5),
    CHECK ((ended IS NULL) = (outcome = 0)),
    CHECK ((ended IS NULL) = (status <= 3))
) STRICT;
CREATE INDEX paycontrol_transactions_open ON paycontrol_transactions (system_id, user_id, id) WHERE ended IS NULL;
CREATE INDEX paycontrol_transactions_of_operation ON paycontrol_transactions (operation, id)
    WHERE operation IS NOT NULL;
CREATE INDEX paycontrol_transactions_expiry ON paycontrol_transactions (expires)
    WHERE ended IS NULL AND expires IS NOT NULL AND operation IS NULL;
CREATE INDEX paycontrol_transactions_of_user ON paycontrol_transactions (user_id, created);
CREATE INDEX paycontrol_transactions_age ON paycontrol_transactions (created);

CREATE TABLE paycontrol_confirm_attempts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_row INTEGER NOT NULL REFERENCES paycontrol_transactions (id) ON DELETE CASCADE,
    event_id    INTEGER NOT NULL,
    result      INTEGER NOT NULL,
    signature   TEXT NOT NULL,
    confirm_code TEXT NOT NULL,
    check_time  INTEGER NOT NULL,
    gost_imit   TEXT NOT NULL,
    key_id      INTEGER,                       -- paycontrol_keys
    public_key_id INTEGER,                     -- paycontrol_public_keys
    scoring     TEXT NOT NULL,
    scoring_settings TEXT NOT NULL,
    scoring_details TEXT NOT NULL,
    created     INTEGER NOT NULL
) STRICT;
CREATE INDEX paycontrol_confirm_attempts_of ON paycontrol_confirm_attempts (transaction_row, id);

CREATE TABLE paycontrol_events (
    event_id           INTEGER PRIMARY KEY AUTOINCREMENT,
    system_id          TEXT NOT NULL,
    user_id            TEXT NOT NULL,
    transaction_id     TEXT NOT NULL,
    operation_id       TEXT NOT NULL,
    session_id         TEXT NOT NULL,
    device_event_id    TEXT NOT NULL,
    device_time        INTEGER,
    device_info        TEXT NOT NULL,
    device_fingerprint TEXT NOT NULL,
    key_index          INTEGER,
    request_type       TEXT NOT NULL,
    request_url        TEXT NOT NULL,
    request_hash       TEXT NOT NULL,
    request_hmac       TEXT NOT NULL,
    requester_ip       TEXT NOT NULL,
    connection_info    TEXT NOT NULL,
    request_result     INTEGER NOT NULL,
    event_data         TEXT NOT NULL,
    instance           TEXT NOT NULL,
    version            TEXT NOT NULL,
    cleaned            INTEGER NOT NULL DEFAULT 0,
    created            INTEGER NOT NULL,
    updated            INTEGER NOT NULL
) STRICT;
CREATE INDEX paycontrol_events_user ON paycontrol_events (user_id, event_id) WHERE user_id <> '';
CREATE INDEX paycontrol_events_system ON paycontrol_events (system_id, event_id) WHERE system_id <> '';
CREATE INDEX paycontrol_events_transaction ON paycontrol_events (transaction_id, event_id) WHERE transaction_id <> '';
CREATE INDEX paycontrol_events_operation ON paycontrol_events (operation_id, event_id) WHERE operation_id <> '';
CREATE INDEX paycontrol_events_session ON paycontrol_events (session_id, event_id) WHERE session_id <> '';
CREATE INDEX paycontrol_events_age ON paycontrol_events (created, event_id);

-- Wrong codes given for the same user and data: a code cannot be searched for.
CREATE TABLE paycontrol_code_attempts (
    scope   BLOB PRIMARY KEY CHECK (length(scope) = 32),
    wrong   INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX paycontrol_code_attempts_expiry ON paycontrol_code_attempts (expires);
)sql";

}  // namespace signet::sqlite
