// The tables of the stores in this folder. A migration that was released is never edited: add the next one.
#include <array>

#include "sqlite/migrations.h"

namespace signet::sqlite {
namespace {

constexpr std::string_view kFirst = R"sql(
CREATE TABLE audit_records (
    sequence   INTEGER PRIMARY KEY,
    time_ms    INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    principal  TEXT NOT NULL,
    action     TEXT NOT NULL,
    object     TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    details    TEXT NOT NULL,
    hash       BLOB NOT NULL
) STRICT;

CREATE TABLE audit_checkpoints (
    sequence    INTEGER PRIMARY KEY,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    time_ms     INTEGER NOT NULL,
    key_label   TEXT NOT NULL,
    key_version INTEGER NOT NULL,
    algorithm   TEXT NOT NULL,
    signature   BLOB NOT NULL CHECK (length(signature) <= 1024)
) STRICT;

CREATE TABLE audit_anchors (
    sequence    INTEGER PRIMARY KEY,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    time_ms     INTEGER NOT NULL,
    file        TEXT NOT NULL,
    file_digest BLOB NOT NULL CHECK (length(file_digest) = 32)
) STRICT;

-- The chain proves what was changed; these keep a mistake of ours from changing it.
CREATE TRIGGER audit_records_unchanged BEFORE UPDATE ON audit_records
BEGIN SELECT raise(ABORT, 'audit records never change'); END;
CREATE TRIGGER audit_records_kept BEFORE DELETE ON audit_records
WHEN old.sequence > (SELECT coalesce(max(sequence), 0) FROM audit_anchors)
BEGIN SELECT raise(ABORT, 'audit records are kept until they are archived'); END;

CREATE TABLE token_keys (
    label             TEXT NOT NULL,
    version           INTEGER NOT NULL CHECK (version >= 1),
    algorithm         TEXT NOT NULL,
    usages            INTEGER NOT NULL,
    state             INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
    unavailable_since INTEGER,
    created           INTEGER NOT NULL,
    activated         INTEGER,
    not_after         INTEGER,
    public_key        BLOB NOT NULL,
    created_by        TEXT NOT NULL,
    uses              INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (label, version)
) STRICT;
CREATE UNIQUE INDEX token_keys_active ON token_keys (label) WHERE state = 2;

CREATE TABLE wrapped_keys (
    id               INTEGER PRIMARY KEY,
    owner            TEXT NOT NULL,
    key_class        TEXT NOT NULL,
    key_index        INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    algorithm        TEXT NOT NULL,
    usages           INTEGER NOT NULL,
    wrapping_label   TEXT NOT NULL,
    wrapping_version INTEGER NOT NULL,
    binding_label    TEXT NOT NULL,
    binding_version  INTEGER NOT NULL,
    blob             BLOB NOT NULL,
    mac              BLOB NOT NULL,
    public_key       BLOB NOT NULL,
    created          INTEGER NOT NULL,
    UNIQUE (owner, key_class, key_index, version)
) STRICT;
CREATE INDEX wrapped_keys_wrapping ON wrapped_keys (wrapping_label, wrapping_version, id);

CREATE TABLE certificates (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    ca             TEXT NOT NULL,
    ca_version     INTEGER NOT NULL,
    serial         BLOB NOT NULL CHECK (length(serial) = 16),
    subject        TEXT NOT NULL,
    not_before     INTEGER NOT NULL,
    not_after      INTEGER NOT NULL,
    issued         INTEGER NOT NULL,
    der            BLOB NOT NULL,
    profile        TEXT NOT NULL,
    requester      TEXT NOT NULL,
    revoked_at     INTEGER,
    revoked_reason INTEGER,
    UNIQUE (ca, serial),
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
) STRICT;
CREATE INDEX certificates_of_ca ON certificates (ca, id);
CREATE INDEX certificates_revoked ON certificates (ca, ca_version, serial) WHERE revoked_at IS NOT NULL;
CREATE INDEX certificates_expiry ON certificates (not_after);

CREATE TABLE crl_numbers (
    ca     TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT;
CREATE TABLE crls (
    ca          TEXT NOT NULL,
    ca_version  INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    der         BLOB NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    PRIMARY KEY (ca, number)
) STRICT;
CREATE INDEX crls_expiry ON crls (next_update);

CREATE TABLE idempotency (
    principal      TEXT NOT NULL,
    route          TEXT NOT NULL,
    key            TEXT NOT NULL,
    request_digest BLOB NOT NULL,
    done           INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    content_type   TEXT NOT NULL,
    body           BLOB NOT NULL,
    sealed         INTEGER NOT NULL,
    expires        INTEGER NOT NULL,
    intent         INTEGER,
    PRIMARY KEY (principal, route, key)
) STRICT;
CREATE INDEX idempotency_intent ON idempotency (intent) WHERE intent IS NOT NULL;
CREATE INDEX idempotency_expiry ON idempotency (expires);

CREATE TABLE intents (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    action     TEXT NOT NULL,
    object     TEXT NOT NULL,
    principal  TEXT NOT NULL,
    request_id TEXT NOT NULL,
    parameters TEXT NOT NULL CHECK (length(parameters) <= 16384),
    opened     INTEGER NOT NULL,
    audit      INTEGER NOT NULL,
    settled    INTEGER,
    outcome    TEXT
) STRICT;
CREATE UNIQUE INDEX intents_open ON intents (object) WHERE settled IS NULL;
CREATE INDEX intents_settled ON intents (settled) WHERE settled IS NOT NULL;

CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    destination TEXT NOT NULL,
    kind        TEXT NOT NULL,
    verb        TEXT NOT NULL,
    url         TEXT NOT NULL,
    headers     TEXT NOT NULL,
    body        BLOB NOT NULL,
    context     TEXT NOT NULL,
    state       INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
    attempts    INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,
    ended       INTEGER,
    last_error  TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_order ON outbox (destination, id) WHERE state = 1;
CREATE INDEX outbox_state ON outbox (state, id);
CREATE INDEX outbox_ended ON outbox (state, ended) WHERE ended IS NOT NULL;
)sql";

// Requests that wait for the approval of others.
constexpr std::string_view kSecond = R"sql(
CREATE TABLE approvals (
    id              TEXT PRIMARY KEY,
    digest          BLOB NOT NULL CHECK (length(digest) = 32),
    permission      TEXT NOT NULL,
    resource        TEXT NOT NULL,
    verb            TEXT NOT NULL,
    route           TEXT NOT NULL,
    path            TEXT NOT NULL,
    query           TEXT NOT NULL,
    parameters      TEXT NOT NULL,
    body            BLOB NOT NULL CHECK (length(body) <= 65536),
    body_size       INTEGER NOT NULL,
    requester       TEXT NOT NULL,
    requester_names TEXT NOT NULL,
    needed          INTEGER NOT NULL CHECK (needed >= 1),
    state           INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),
    created         INTEGER NOT NULL,
    expires         INTEGER NOT NULL,
    ended           INTEGER,
    CHECK ((state = 1) = (ended IS NULL))
) STRICT;
CREATE UNIQUE INDEX approvals_waiting ON approvals (digest) WHERE state = 1;
CREATE INDEX approvals_of_requester ON approvals (requester) WHERE state = 1;
CREATE INDEX approvals_due ON approvals (expires) WHERE state = 1;
CREATE INDEX approvals_by_state ON approvals (state, created);
CREATE INDEX approvals_by_time ON approvals (created);
CREATE INDEX approvals_ended ON approvals (ended) WHERE ended IS NOT NULL;

CREATE TABLE approval_decisions (
    approval  TEXT NOT NULL,
    principal TEXT NOT NULL,
    key       BLOB NOT NULL CHECK (length(key) = 32),
    approve   INTEGER NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) <= 1024),
    reason    TEXT NOT NULL,
    time      INTEGER NOT NULL,
    PRIMARY KEY (approval, principal),
    UNIQUE (approval, key)
) STRICT;
)sql";

constexpr std::array kMigrations{Migration{1, kFirst}, Migration{2, kSecond}};
constexpr MigrationFamily kCore{"core", kMigrations};

}  // namespace

const MigrationFamily& core_migrations() {
    return kCore;
}

}  // namespace signet::sqlite
