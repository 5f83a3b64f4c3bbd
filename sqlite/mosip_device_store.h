// Biometric devices: the white list, what each device did, and which transaction ids were seen.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct MosipDevice {
    std::int64_t id = 0;
    std::int64_t vendor = 0;
    std::string serial_number{};
    std::string model{};
    std::string purpose{};   // "Auth" or "Registration"
    std::string bio_type{};  // "Finger", "Iris" or "Face"
    bool white_listed = true;
    std::optional<SystemTime> valid_until{};
    std::optional<SystemTime> blocked{};
    std::optional<SystemTime> registered{};
    std::optional<std::string> device_code{};  // stays after a de-registration
    std::optional<SystemTime> last_sync{};
    std::string service_version{};
    bool must_rotate = false;  // an administrator asked for a new key
    // Of the current device key; empty and nullopt before the first rotation.
    Bytes certificate{};  // DER
    std::optional<SystemTime> issued{};
    std::optional<SystemTime> expires{};
    Bytes serial{};    // 16 bytes, of the certificate
    Bytes key_hash{};  // SHA-256 over the SPKI; no two devices share a key
    SystemTime created{};
};

struct MosipEvent {
    std::int64_t id = 0;
    SystemTime at{};
    std::string event{};
    std::string details{};  // a JSON object
};

namespace mosip_device_store {

// Error: already_exists.
Result<std::int64_t> insert(Transaction& transaction, const MosipDevice& device);
Result<std::optional<MosipDevice>> find(Connection& db, std::int64_t vendor, std::string_view serial_number);
Result<std::optional<MosipDevice>> find(Connection& db, std::int64_t id);
// By id, after `after`; `vendor` 0: of all.
Result<std::vector<MosipDevice>> list(Connection& db, std::int64_t vendor, std::int64_t after,
                                      std::size_t limit);
// Registered devices that last synchronised before `before`, longest idle first.
Result<std::vector<MosipDevice>> idle(Connection& db, SystemTime before, std::size_t limit);

// What the white list says: model, purpose, bio_type, white_listed, valid_until, blocked, must_rotate.
Status update(Transaction& transaction, const MosipDevice& device);
Status note_sync(Transaction& transaction, std::int64_t id, SystemTime at, std::string_view service_version);
// Error: already_exists (the code belongs to another device).
Status set_registered(Transaction& transaction, std::int64_t id, SystemTime at, std::string_view device_code);
// If it is registered and did not synchronise since `before`; whether it was so.
Result<bool> deregister(Transaction& transaction, std::int64_t id, SystemTime before);
Status deregister(Transaction& transaction, std::int64_t id);
// certificate, issued, expires, serial and key_hash; must_rotate goes. Errors: already_exists (the key is another device's),
// conflict (the device has got another certificate meanwhile than `previous`).
Status set_certificate(Transaction& transaction, const MosipDevice& device, ByteView previous_serial);

using TransactionDigest = std::array<std::uint8_t, 16>;
TransactionDigest transaction_digest(std::string_view provider_id, std::string_view serial_number,
                                     std::string_view transaction_id);
// Error: conflict (seen already).
Status note_transaction(Transaction& transaction, const TransactionDigest& digest, SystemTime at);
Result<bool> seen(Connection& db, const TransactionDigest& digest);

Status add_event(Transaction& transaction, std::int64_t device, const MosipEvent& event);
// Newest first, before `before` (0: from the newest).
Result<std::vector<MosipEvent>> events(Connection& db, std::int64_t device, std::int64_t before,
                                       std::size_t limit);
// At most `limit` rows of each; returns how many went.
Result<std::size_t> prune(Transaction& transaction, SystemTime transactions_before, SystemTime events_before,
                          std::size_t limit);

}  // namespace mosip_device_store
}  // namespace signet::sqlite
