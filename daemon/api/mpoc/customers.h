// Customers' API keys: made, shown once, kept as a MAC under a token key.
//
// A key reads ID.SECRET: 16 hex digits that find its row, and 32 random bytes as base64url. The row holds HMAC-SHA-256 over
// customer and key; the token computes and compares it, so that a copy of the database does not let anybody guess offline.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/api/mpoc/context.h"
#include "sqlite/mpoc_customer_store.h"

namespace signet::api::mpoc {

inline constexpr std::size_t kMaxLiveKeys = 16;  // of a customer, not revoked

// 1 to 64 characters of A-Z a-z 0-9 . _ -
Status check_customer_id(std::string_view customer_id);

struct NewApiKey {
    std::string text;        // shown once
    sqlite::MpocApiKey row;  // for mpoc_customer_store::insert_key
};
// Errors: those of Keys::active and the token's.
Result<NewApiKey> make_api_key(Context& context, const sqlite::MpocCustomer& customer, std::string_view note,
                               Deadline deadline);

struct Credentials {
    sqlite::MpocCustomer customer;
    std::string key_id;
};
// nullopt when they are wrong, whatever is wrong with them. Errors: the database's and the token's.
Result<std::optional<Credentials>> check_credentials(Context& context, std::string_view customer_id,
                                                     std::string_view api_key, Deadline deadline);

// Error: not_found.
Result<sqlite::MpocCustomer> must_find_customer(Context& context, std::string_view customer_id);

}  // namespace signet::api::mpoc
