// The tables of the MPoC AMS API. A migration that was released is never edited: add the next one.
#include <array>

#include "sqlite/migrations.h"

namespace signet::sqlite {
namespace {

constexpr std::string_view kFirst = R"sql(
CREATE TABLE mpoc_customers (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    disabled    INTEGER,
    created     INTEGER NOT NULL
) STRICT;

CREATE TABLE mpoc_api_keys (
    key_id      TEXT PRIMARY KEY,
    customer    INTEGER NOT NULL REFERENCES mpoc_customers (id),
    mac         BLOB NOT NULL CHECK (length(mac) = 32),
    mac_version INTEGER NOT NULL,
    note        TEXT NOT NULL,
    created     INTEGER NOT NULL,
    last_used   INTEGER,
    revoked     INTEGER
) STRICT;
CREATE INDEX mpoc_api_keys_customer ON mpoc_api_keys (customer, created);

CREATE TABLE mpoc_sdks (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    sdk_id          TEXT NOT NULL UNIQUE,
    customer        INTEGER NOT NULL REFERENCES mpoc_customers (id),
    version         TEXT NOT NULL,
    in_token        INTEGER NOT NULL,
    generation      INTEGER NOT NULL,
    kek_serial      BLOB NOT NULL CHECK (length(kek_serial) = 16),
    kek_der         BLOB NOT NULL,
    sign_serial     BLOB NOT NULL CHECK (length(sign_serial) = 16),
    sign_der        BLOB NOT NULL,
    blocked         INTEGER,
    keys_revoked    INTEGER,
    decommissioned  INTEGER,
    attest_result   TEXT NOT NULL DEFAULT '',
    attest_advice   TEXT NOT NULL DEFAULT '',
    attest_time     INTEGER,
    enrolled        INTEGER NOT NULL
) STRICT;
CREATE INDEX mpoc_sdks_customer ON mpoc_sdks (customer, id);

CREATE TABLE mpoc_attestations (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    sdk      INTEGER NOT NULL REFERENCES mpoc_sdks (id),
    result   TEXT NOT NULL,
    advice   TEXT NOT NULL,
    version  TEXT NOT NULL,
    time     INTEGER NOT NULL,
    received INTEGER NOT NULL
) STRICT;
CREATE INDEX mpoc_attestations_sdk ON mpoc_attestations (sdk, id);
CREATE INDEX mpoc_attestations_received ON mpoc_attestations (received);

CREATE TABLE mpoc_payment_keys (
    key_id     TEXT PRIMARY KEY,
    sdk        INTEGER NOT NULL REFERENCES mpoc_sdks (id),
    key_index  INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    algorithm  TEXT NOT NULL,
    kcv        TEXT NOT NULL,
    created    INTEGER NOT NULL,
    UNIQUE (sdk, key_index)
) STRICT;
)sql";

constexpr std::array kMigrations{Migration{1, kFirst}};
constexpr MigrationFamily kMpoc{"mpoc", kMigrations};

}  // namespace

const MigrationFamily& mpoc_migrations() {
    return kMpoc;
}

}  // namespace signet::sqlite
