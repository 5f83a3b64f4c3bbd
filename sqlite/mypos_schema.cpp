#include "sqlite/mypos_schema.h"

#include <array>

namespace signet::sqlite {
namespace {

constexpr std::string_view kFirst = R"sql(
CREATE TABLE mypos_stores (
    id         TEXT PRIMARY KEY,
    side       INTEGER NOT NULL CHECK (side IN (1, 2)),
    name       TEXT NOT NULL,
    wallet     TEXT NOT NULL,
    currency   TEXT NOT NULL,
    created    INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    closed     INTEGER
) STRICT;

-- Our private key is the wrapped key of owner mypos:<store>, class mypos.store, this index.
CREATE TABLE mypos_keys (
    store       TEXT NOT NULL REFERENCES mypos_stores (id),
    key_index   INTEGER NOT NULL CHECK (key_index >= 1),
    state       INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
    certificate BLOB NOT NULL,
    peer_key    BLOB NOT NULL,
    created     INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    changed     INTEGER,
    PRIMARY KEY (store, key_index)
) STRICT;
)sql";

constexpr std::array kMigrations{Migration{1, kFirst}};
constexpr MigrationFamily kMypos{"mypos", kMigrations};

}  // namespace

const MigrationFamily& mypos_migrations() {
    return kMypos;
}

}  // namespace signet::sqlite
