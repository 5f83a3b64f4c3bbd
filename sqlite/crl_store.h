// Certificate revocation lists that were issued.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct StoredCrl {
    std::string ca{};  // label
    std::uint32_t ca_version = 1;
    std::uint64_t number = 0;  // CRL number (RFC 5280 section 5.2.3), rising for a CA's label
    Bytes der{};
    SystemTime this_update{};
    SystemTime next_update{};
    bool operator==(const StoredCrl&) const = default;
};

namespace crl_store {

Result<std::optional<StoredCrl>> latest(Connection& db, std::string_view ca, std::uint32_t ca_version);
// Takes the next number; whoever fails to issue the CRL leaves a gap, which is allowed.
Result<std::uint64_t> take_number(Transaction& transaction, std::string_view ca);
// Error: already_exists.
Status insert(Transaction& transaction, const StoredCrl& crl);

}  // namespace crl_store
}  // namespace signet::sqlite
