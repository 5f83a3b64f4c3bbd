// Vendors of biometric devices ("device providers") and the certificates their requests must chain to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct MosipVendor {
    std::int64_t id = 0;
    std::string provider_id{};
    std::string name{};
    std::optional<SystemTime> disabled{};
    SystemTime created{};
};

// A root, or a certificate that signs requests itself.
struct MosipAnchor {
    Sha256 fingerprint{};  // of the DER
    Bytes der{};
    SystemTime added{};
};

namespace mosip_vendor_store {

// Error: already_exists.
Result<std::int64_t> insert(Transaction& transaction, const MosipVendor& vendor);
Result<std::optional<MosipVendor>> find(Connection& db, std::string_view provider_id);
Result<std::optional<MosipVendor>> find(Connection& db, std::int64_t id);
Result<std::vector<MosipVendor>> list(Connection& db, std::int64_t after, std::size_t limit);
Status set_disabled(Transaction& transaction, std::int64_t id, std::optional<SystemTime> since);

Result<std::vector<MosipAnchor>> anchors(Connection& db, std::int64_t vendor);
// Error: already_exists.
Status insert_anchor(Transaction& transaction, std::int64_t vendor, const MosipAnchor& anchor);
// Error: not_found.
Status erase_anchor(Transaction& transaction, std::int64_t vendor, ByteView fingerprint);

}  // namespace mosip_vendor_store
}  // namespace signet::sqlite
