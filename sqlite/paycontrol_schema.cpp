// The tables of PayControl. A migration that was released is never edited: add the next one.
#include "sqlite/paycontrol_schema.h"

#include <array>

#include "sqlite/paycontrol_transaction_schema.h"

namespace signet::sqlite {
namespace {

// Systems, users and their keys. The secrets themselves are in wrapped_keys: owner "paycontrol:<system>:<user>", class
// "paycontrol.user.k1" or ".k2", index = key_index.
constexpr std::string_view kUsers = R"sql(
CREATE TABLE paycontrol_systems (
    system_id       TEXT PRIMARY KEY,
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    created         INTEGER NOT NULL,
    updated         INTEGER NOT NULL,
    deleted         INTEGER,
    key_lifetime    INTEGER NOT NULL,              -- user_keys_expiration_period, days
    external_url    TEXT NOT NULL DEFAULT '',      -- pc_is_external_url
    internal_url    TEXT NOT NULL DEFAULT '',      -- pc_is_internal_url
    events_post_url TEXT NOT NULL DEFAULT '',
    callback_url    TEXT NOT NULL DEFAULT '',
    report_template TEXT NOT NULL DEFAULT '',
    license         TEXT NOT NULL DEFAULT '',      -- as it was signed; empty: none
    license_users   INTEGER NOT NULL DEFAULT 0,
    license_expires INTEGER NOT NULL DEFAULT 0,
    users           INTEGER NOT NULL DEFAULT 0     -- that are not deleted
) STRICT, WITHOUT ROWID;

CREATE TABLE paycontrol_users (
    number         INTEGER PRIMARY KEY,
    user_id        TEXT NOT NULL UNIQUE,           -- in the whole installation
    system_id      TEXT NOT NULL REFERENCES paycontrol_systems (system_id),
    name           TEXT NOT NULL DEFAULT '',
    blocked        INTEGER NOT NULL DEFAULT 0,
    blocked_why    TEXT NOT NULL DEFAULT '',
    created        INTEGER NOT NULL,
    updated        INTEGER NOT NULL,
    deleted        INTEGER,
    active_key     INTEGER,                        -- paycontrol_keys.key_id
    delayed_key    INTEGER,
    device_type    TEXT NOT NULL DEFAULT '',
    device_push_id TEXT NOT NULL DEFAULT '',
    app_id         TEXT NOT NULL DEFAULT '',
    signer_url     TEXT NOT NULL DEFAULT '',
    code_failures  INTEGER NOT NULL DEFAULT 0,     -- wrong independent codes in a row
    code_locked    INTEGER                         -- until then no code is checked
) STRICT;

CREATE TABLE paycontrol_keys (
    key_id             INTEGER PRIMARY KEY AUTOINCREMENT,
    user               INTEGER NOT NULL REFERENCES paycontrol_users (number),
    key_index          INTEGER NOT NULL,           -- from 1
    type               INTEGER NOT NULL,           -- 0 ECDSA, 1 GOST
    flags              INTEGER NOT NULL,           -- key_flags
    state              INTEGER NOT NULL,           -- 1 active, 2 delayed, 3 replaced or deleted
    version            INTEGER NOT NULL DEFAULT 1, -- of the wrapped keys: renewal makes the next
    created            INTEGER NOT NULL,
    activated          INTEGER,                    -- first authenticated request of a device, or online activation
    ended              INTEGER,
    expires            INTEGER NOT NULL,
    app_extra          TEXT NOT NULL DEFAULT '',
    device_fingerprint TEXT NOT NULL DEFAULT '',   -- hex
    -- online_credentials: MACs by a key of the system, and wrong tries in a row
    activation_mac     BLOB,
    activation_tries   INTEGER NOT NULL DEFAULT 0,
    release_key        BLOB,                       -- sealed; given to the device that shows the right code
    password_mac       BLOB,
    password_tries     INTEGER NOT NULL DEFAULT 0,
    challenge          BLOB,                       -- of a renewal that has begun
    challenge_expires  INTEGER,
    UNIQUE (user, key_index)
) STRICT;

CREATE TABLE paycontrol_public_keys (
    public_key_id INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id        INTEGER NOT NULL REFERENCES paycontrol_keys (key_id),
    autosign      INTEGER NOT NULL,
    spki          BLOB NOT NULL,                   -- DER
    created       INTEGER NOT NULL,
    ended         INTEGER
) STRICT;
CREATE UNIQUE INDEX paycontrol_public_keys_in_force ON paycontrol_public_keys (key_id, autosign) WHERE ended IS NULL;
CREATE INDEX paycontrol_public_keys_by_key ON paycontrol_public_keys (key_id);
)sql";

constexpr std::array kMigrations{Migration{1, kUsers}, Migration{2, kPaycontrolTransactionTables}};

}  // namespace

const MigrationFamily& paycontrol_migrations() {
    static const MigrationFamily family{"paycontrol", kMigrations};
    return family;
}

}  // namespace signet::sqlite
