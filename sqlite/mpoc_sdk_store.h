// MPoC SDK instances, their attestation results, and the payment keys loaded for them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "sqlite/certificate_store.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct MpocCertificate {
    Serial serial{};
    Bytes der{};
};

struct MpocSdk {
    std::int64_t id = 0;   // given by insert
    std::string sdk_id{};  // 16 hex digits, lower case
    std::int64_t customer = 0;
    std::string version{};
    bool in_token = false;         // both private keys are wrapped keys of ours
    std::uint32_t generation = 1;  // of its keys; re-keying counts up
    MpocCertificate kek{};
    MpocCertificate sign{};
    std::optional<SystemTime> blocked{};
    std::optional<SystemTime> keys_revoked{};
    std::optional<SystemTime> decommissioned{};
    std::string attest_result{};  // empty before the first one
    std::string attest_advice{};
    std::optional<SystemTime> attest_time{};
    SystemTime enrolled{};
};

struct MpocAttestation {
    std::int64_t id = 0;
    std::string result{};
    std::string advice{};
    std::string version{};
    SystemTime time{};
    SystemTime received{};
};

struct MpocPaymentKey {
    std::string key_id{};
    std::int64_t sdk = 0;
    std::uint32_t index = 0;       // of the wrapped key of class mpoc.payment
    std::uint32_t generation = 1;  // of the KEK it came under
    std::string algorithm{};
    std::string kcv{};  // hex
    SystemTime created{};
};

namespace mpoc_sdk_store {

// Error: already_exists.
Result<std::int64_t> insert(Transaction& transaction, const MpocSdk& sdk);
Result<std::optional<MpocSdk>> find(Connection& db, std::string_view sdk_id);
// By row id, after `after`; `customer` 0: of all.
Result<std::vector<MpocSdk>> list(Connection& db, std::int64_t customer, std::int64_t after,
                                  std::size_t limit);

// New keys: generation, certificates and where the keys are; the mark of revoked keys goes. conflict when the generation is
// not the next one any more.
Status rekey(Transaction& transaction, const MpocSdk& sdk);
Status set_version(Transaction& transaction, std::int64_t id, std::string_view version);
Status set_blocked(Transaction& transaction, std::int64_t id, std::optional<SystemTime> since);
Status set_keys_revoked(Transaction& transaction, std::int64_t id, SystemTime since);
Status set_decommissioned(Transaction& transaction, std::int64_t id, SystemTime since);

// Into the history; also the latest result, unless a newer one is there already.
Status attest(Transaction& transaction, std::int64_t id, const MpocAttestation& attestation);
// Newest first, before `before` (0: from the newest).
Result<std::vector<MpocAttestation>> attestations(Connection& db, std::int64_t id, std::int64_t before,
                                                  std::size_t limit);
// At most `limit`; the latest result stays in the instance itself.
Result<std::size_t> prune_attestations(Transaction& transaction, SystemTime received_before,
                                       std::size_t limit);

Status insert_payment_key(Transaction& transaction, const MpocPaymentKey& key);
Result<std::vector<MpocPaymentKey>> payment_keys(Connection& db, std::int64_t id, std::size_t limit);
// 1 for the first one.
Result<std::uint32_t> next_payment_index(Connection& db, std::int64_t id);
// Forgets all payment keys of an instance; returns how many.
Result<std::size_t> erase_payment_keys(Transaction& transaction, std::int64_t id);

}  // namespace mpoc_sdk_store
}  // namespace signet::sqlite
