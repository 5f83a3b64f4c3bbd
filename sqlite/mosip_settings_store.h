// What administrators of the MOSIP management server set while it runs, and registrations that MOSIP answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct MosipPolicy {
    std::chrono::milliseconds snapshot_validity{0};  // of a snapshot's answer
    std::chrono::milliseconds resync_within{0};      // after that a device is de-registered
    std::chrono::milliseconds rotate_after{0};       // age of a certificate from which rotation is mandatory
    std::optional<SystemTime> rotate_issued_before{};   // all certificates from before must be rotated
    std::chrono::milliseconds certificate_validity{0};  // of device certificates
    std::string minimum_version{};                      // of the device service; empty: any
    std::string download_url{};
    std::string banner{};
};

struct MosipEncryptionCertificate {
    std::int64_t id = 0;
    Sha256 fingerprint{};
    Bytes der{};
    SystemTime added{};
};

enum class MosipRegistrationState : std::uint8_t { waiting = 1, registered = 2, failed = 3 };
struct MosipRegistration {
    std::int64_t id = 0;
    std::int64_t device = 0;
    MosipRegistrationState state = MosipRegistrationState::waiting;
    std::string response{};  // MOSIP's answer, or why there is none
    SystemTime created{};
};

namespace mosip_settings_store {

Result<MosipPolicy> policy(Connection& db);
Status set_policy(Transaction& transaction, const MosipPolicy& policy);

// The one in force: the last that was added.
Result<std::optional<MosipEncryptionCertificate>> encryption_certificate(Connection& db);
// Newest first.
Result<std::vector<MosipEncryptionCertificate>> encryption_certificates(Connection& db, std::size_t limit);
// Error: already_exists.
Status add_encryption_certificate(Transaction& transaction, const MosipEncryptionCertificate& certificate);

Result<std::int64_t> insert_registration(Transaction& transaction, const MosipRegistration& registration);
Result<std::optional<MosipRegistration>> registration(Connection& db, std::int64_t id);
// The newest of a device.
Result<std::optional<MosipRegistration>> last_registration(Connection& db, std::int64_t device);
Status settle_registration(Transaction& transaction, std::int64_t id, MosipRegistrationState state,
                           std::string_view response, SystemTime at);

}  // namespace mosip_settings_store
}  // namespace signet::sqlite
