#include "sqlite/momo_schema.h"

#include <array>

namespace signet::sqlite {
namespace {

// Keys are kept as MACs under a token key, tokens sealed under another: the file alone opens nothing.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE momo_subscriptions (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    merchant   TEXT NOT NULL,
    product    TEXT NOT NULL CHECK (product IN ('collection', 'disbursement', 'remittance')),
    created    INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    revoked    INTEGER
) STRICT;
CREATE INDEX momo_subscriptions_merchant ON momo_subscriptions (merchant, id);

CREATE TABLE momo_subscription_keys (
    subscription TEXT NOT NULL REFERENCES momo_subscriptions (id) ON DELETE CASCADE,
    slot         INTEGER NOT NULL CHECK (slot IN (1, 2)),
    mac          BLOB NOT NULL CHECK (length(mac) = 32),
    mac_version  INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    PRIMARY KEY (subscription, slot)
) STRICT;
CREATE UNIQUE INDEX momo_subscription_keys_mac ON momo_subscription_keys (mac);

CREATE TABLE momo_users (
    id              TEXT PRIMARY KEY CHECK (length(id) = 36),
    merchant        TEXT NOT NULL,
    callback_host   TEXT NOT NULL,
    environment     TEXT NOT NULL,
    created         INTEGER NOT NULL,
    created_by      TEXT NOT NULL,
    revoked         INTEGER,
    key_id          TEXT,
    key_mac         BLOB CHECK (length(key_mac) = 32),
    key_mac_version INTEGER,
    key_created     INTEGER,
    CHECK ((key_id IS NULL) = (key_mac IS NULL))
) STRICT;
CREATE INDEX momo_users_merchant ON momo_users (merchant, id);

CREATE TABLE momo_tokens (
    user         TEXT NOT NULL REFERENCES momo_users (id) ON DELETE CASCADE,
    product      TEXT NOT NULL,
    id           TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    issued       INTEGER NOT NULL,
    expires      INTEGER NOT NULL,
    digest       BLOB NOT NULL CHECK (length(digest) = 32),
    seal_label   TEXT NOT NULL,
    seal_version INTEGER NOT NULL,
    sealed       BLOB NOT NULL,
    PRIMARY KEY (user, product)
) STRICT;
CREATE INDEX momo_tokens_expiry ON momo_tokens (expires);
)sql";

constexpr std::array kMigrations{Migration{1, kFirst}};
constexpr MigrationFamily kMomo{"momo", kMigrations};

}  // namespace

const MigrationFamily& momo_migrations() {
    return kMomo;
}

}  // namespace signet::sqlite
