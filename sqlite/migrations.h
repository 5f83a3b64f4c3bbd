// Numbered schema changes, a sequence of its own for each family.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"

namespace signet::sqlite {

struct Migration {
    int number;              // from 1, without gaps
    std::string_view sql{};  // never changed once released: its SHA-256 is kept in the database
};

struct MigrationFamily {
    std::string_view name{};  // "core", "mpoc", …
    std::span<const Migration> migrations;
};

// The tables that everything stands on.
const MigrationFamily& core_migrations();
// Those of the core, then of every API family, whether it is configured or not. A family's tables are in
// <family>_schema.cpp; its name is its folder's below daemon/api.
std::span<const MigrationFamily> all_migrations();

struct MigrationReport {
    int applied = 0;
    std::optional<std::filesystem::path>
        copy;  // the verified copy made before an existing database was changed
};

// Brings the database up to what `families` describe, in one transaction. An existing database that needs a
// change is copied first (<path>.before-<family>-<number>-<time>) and the copy is verified. Only one process
// may do this at a time (database_lock.h). Errors: failed_precondition when a newer signetd used the
// database, or when an applied migration's text changed; storage_full, storage_failed.
Result<MigrationReport> migrate(Connection& db, std::span<const MigrationFamily> families,
                                const Clock& clock);

}  // namespace signet::sqlite
