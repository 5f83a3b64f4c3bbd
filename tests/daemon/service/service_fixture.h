// A database in a temporary directory, a token in software, a clock that stands still, and the services over them.
#pragma once

#include <gtest/gtest.h>

#include "daemon/service/audit.h"
#include "daemon/service/authorities.h"
#include "daemon/service/backup.h"
#include "daemon/service/health.h"
#include "daemon/service/idempotency.h"
#include "daemon/service/keys.h"
#include "daemon/service/signing.h"
#include "hsm/pki/certificate.h"
#include "sqlite/migrations.h"
#include "tests/support/process.h"
#include "tests/support/software_token.h"

namespace signet::service {

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message + " (" + result.error().detail + ")");
    return *std::move(result);
}
inline void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message + " (" + status.error().detail + ")");
}

class ServiceTest : public ::testing::Test {
  protected:
    ServiceTest() {
        token.make("audit", KeyAlgorithm::ec_p256, KeyUsage::audit);
        token.make("seal", KeyAlgorithm::aes_256, KeyUsage::seal);
        token.make("document", KeyAlgorithm::ec_p256, KeyUsage::sign);
        token.make("device.ca", KeyAlgorithm::ec_p256, KeyUsage::certify);
        token.make("mac", KeyAlgorithm::hmac_256, KeyUsage::mac);
        token.make("rsa", KeyAlgorithm::rsa_2048, KeyUsage::sign | KeyUsage::decrypt);
        open();
    }

    // Opens the database and makes the services; again after `close`, as a daemon that starts anew does.
    void open() {
        auto connection = must(sqlite::Connection::open(database(), sqlite::Connection::Mode::create));
        must(sqlite::migrate(connection, sqlite::all_migrations(), clock));
        writer = must(sqlite::Writer::start({}, std::move(connection), clock));
        readers.emplace(must(sqlite::ReadPool::open(database(), 2)));
        library = must(provider::LibraryContext::create(token));
        keys = std::make_unique<Keys>(Keys::Parts{token, *writer, *readers, clock, {"audit", "seal"}});
        must(keys->load());
        signing = std::make_unique<Signing>(Signing::Parts{token, *writer});
        authorities =
            std::make_unique<Authorities>(Authorities::Parts{*library, *keys, *writer, *readers, clock});
        audit = std::make_unique<Audit>(
            Audit::Parts{token, *keys, *writer, *readers, clock, database(), [this] { return anonymous; }},
            AuditSettings{"audit", 1000, std::chrono::seconds(60), std::chrono::days(400),
                          directory / "archive"});
        idempotency = std::make_unique<Idempotency>(Idempotency::Parts{token, *writer, clock, *keys, "seal"});
        health = std::make_unique<Health>(
            Health::Parts{token, *writer, *keys, *audit, *authorities, clock, database()}, 1);
    }
    void close() {
        writer->stop();
        health.reset();
        idempotency.reset();
        audit.reset();
        authorities.reset();
        signing.reset();
        keys.reset();
        library.reset();
        readers.reset();
        writer.reset();
    }
    // Adopted keys are pending: an administrator activates them.
    void synchronise() {
        for (const auto& id : must(keys->synchronise(soon())).adopted)
            must(keys->activate(caller(), id.label, id.version));
    }

    static Deadline soon() { return Deadline::in(std::chrono::seconds(20)); }
    static Caller caller() { return {"tester", "request-1", soon()}; }
    std::filesystem::path database() const { return directory / "signet.db"; }
    std::vector<sqlite::ChainedRecord> records(const std::string& action = {}) {
        sqlite::AuditFilter filter;
        filter.action = action;
        return must(audit->read(filter, 0, 1000)).records;
    }
    KeyPtr key(std::string_view label, KeyUsage usage = KeyUsage::sign) {
        return must(keys->active(label, usage));
    }
    Error storage_fault() const { return {ErrorCode::storage_full, "the disk is full", {}}; }

    testing::TempDirectory directory;
    ManualClock clock{*from_rfc3339("2026-03-01T12:00:00Z")};
    testing::SoftwareToken token;
    std::uint64_t anonymous = 0;
    std::unique_ptr<sqlite::Writer> writer;
    std::optional<sqlite::ReadPool> readers;
    std::unique_ptr<provider::LibraryContext> library;
    std::unique_ptr<Keys> keys;
    std::unique_ptr<Signing> signing;
    std::unique_ptr<Authorities> authorities;
    std::unique_ptr<Audit> audit;
    std::unique_ptr<Idempotency> idempotency;
    std::unique_ptr<Health> health;
};

}  // namespace signet::service
