// A migrated database in a directory of its own, and a writer on it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "sqlite/audit_log.h"
#include "sqlite/connection.h"
#include "sqlite/migrations.h"
#include "sqlite/writer.h"
#include "tests/support/process.h"

namespace signet::sqlite {

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message + " | " + result.error().detail);
    return *std::move(result);
}
inline void must(Status status) {
    if (!status) throw std::runtime_error(status.error().message + " | " + status.error().detail);
}

inline AuditRecord record_of(std::string object, std::string details = "{\"a\":1}") {
    AuditRecord record;
    record.request_id = "req-1";
    record.principal = "gateway";
    record.action = "keys.sign";
    record.object = std::move(object);
    record.outcome = "ok";
    record.details = std::move(details);
    return record;
}

class DatabaseTest : public ::testing::Test {
  protected:
    DatabaseTest() : path(directory / "signet.db") {
        auto db = must(Connection::open(path, Connection::Mode::create));
        must(migrate(db, all_migrations(), clock));
    }

    Connection open() const { return must(Connection::open(path)); }
    Connection read_only() const { return must(Connection::open(path, Connection::Mode::read_only)); }
    std::unique_ptr<Writer> start(Writer::Options options = {}) const {
        return must(Writer::start(options, open(), clock));
    }
    // Runs a piece of work on a writer of its own.
    Status write(const Work& work) const { return start()->run(work); }

    testing::TempDirectory directory;
    std::filesystem::path path;
    ManualClock clock{from_unix_ms(1'700'000'000'000)};
};

}  // namespace signet::sqlite
