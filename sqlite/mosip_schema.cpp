// The tables of the MOSIP management server. A migration that was released is never edited: add the next one.
#include <array>

#include "sqlite/migrations.h"

namespace signet::sqlite {
namespace {

constexpr std::string_view kFirst = R"sql(
CREATE TABLE mosip_vendors (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    provider_id TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    disabled    INTEGER,
    created     INTEGER NOT NULL
) STRICT;

CREATE TABLE mosip_anchors (
    vendor      INTEGER NOT NULL REFERENCES mosip_vendors (id),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    der         BLOB NOT NULL,
    added       INTEGER NOT NULL,
    PRIMARY KEY (vendor, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE mosip_devices (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    vendor          INTEGER NOT NULL REFERENCES mosip_vendors (id),
    serial_number   TEXT NOT NULL,
    model           TEXT NOT NULL,
    purpose         TEXT NOT NULL,
    bio_type        TEXT NOT NULL,
    white_listed    INTEGER NOT NULL,
    valid_until     INTEGER,
    blocked         INTEGER,
    registered      INTEGER,
    device_code     TEXT UNIQUE,
    last_sync       INTEGER,
    service_version TEXT NOT NULL DEFAULT '',
    must_rotate     INTEGER NOT NULL DEFAULT 0,
    certificate     BLOB,
    issued          INTEGER,
    expires         INTEGER,
    serial          BLOB,
    key_hash        BLOB UNIQUE,
    created         INTEGER NOT NULL,
    UNIQUE (vendor, serial_number)
) STRICT;
CREATE INDEX mosip_devices_list ON mosip_devices (vendor, id);
CREATE INDEX mosip_devices_idle ON mosip_devices (last_sync) WHERE registered IS NOT NULL;

-- What a device sent within the time window; a digest over vendor, device and transaction id.
CREATE TABLE mosip_transactions (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 16),
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mosip_transactions_at ON mosip_transactions (at);

CREATE TABLE mosip_events (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    device  INTEGER NOT NULL REFERENCES mosip_devices (id),
    at      INTEGER NOT NULL,
    event   TEXT NOT NULL,
    details TEXT NOT NULL
) STRICT;
CREATE INDEX mosip_events_device ON mosip_events (device, id);
CREATE INDEX mosip_events_at ON mosip_events (at);

CREATE TABLE mosip_policy (
    id                   INTEGER PRIMARY KEY CHECK (id = 1),
    snapshot_validity    INTEGER NOT NULL,
    resync_within        INTEGER NOT NULL,
    rotate_after         INTEGER NOT NULL,
    rotate_issued_before INTEGER,
    certificate_validity INTEGER NOT NULL,
    minimum_version      TEXT NOT NULL,
    download_url         TEXT NOT NULL,
    banner               TEXT NOT NULL
) STRICT;
-- 7 days, 30 days, 25 days, 30 days.
INSERT INTO mosip_policy VALUES (1, 604800000, 2592000000, 2160000000, NULL, 2592000000, '', '', '');

CREATE TABLE mosip_encryption_certificates (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
    der         BLOB NOT NULL,
    added       INTEGER NOT NULL
) STRICT;

CREATE TABLE mosip_registrations (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    device   INTEGER NOT NULL REFERENCES mosip_devices (id),
    state    INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
    response TEXT NOT NULL,
    created  INTEGER NOT NULL,
    settled  INTEGER
) STRICT;
CREATE INDEX mosip_registrations_device ON mosip_registrations (device, id);
)sql";

constexpr std::array kMigrations{Migration{1, kFirst}};
constexpr MigrationFamily kMosip{"mosip", kMigrations};

}  // namespace

const MigrationFamily& mosip_migrations() {
    return kMosip;
}

}  // namespace signet::sqlite
