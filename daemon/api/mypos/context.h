// What the handlers of this family share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/api/attempts.h"
#include "daemon/api/exchange.h"
#include "daemon/api/handler.h"
#include "daemon/api/services.h"
#include "daemon/config/mypos.h"
#include "sqlite/mypos_store.h"

namespace signet::api::mypos {

struct Context {
    Services& services;
    Attempts attempts{};

    // As the last reload left it.
    config::Mypos settings() const;
};

// StoreID: 1 to 64 of A-Z, a-z, 0-9, '-', '_' and '.'. Error: invalid_argument.
Status check_store_id(std::string_view id);
// 1 to 1,000,000. Error: invalid_argument.
Result<std::uint32_t> read_index(std::string_view text);

// Error: not_found, also for a closed one.
Result<sqlite::MyposStore> open_store(Context& context, std::string_view id);
Result<sqlite::MyposKey> find_key(Context& context, std::string_view store, std::uint32_t index);

// An audit record about a store.
sqlite::AuditRecord record_of(const Exchange& exchange, std::string_view action, std::string_view store,
                              std::string details);

// stores.cpp
Answer create_store(Context& context, Exchange& exchange);
Answer list_stores(Context& context, Exchange& exchange);
Answer get_store(Context& context, Exchange& exchange);
Answer close_store(Context& context, Exchange& exchange);
// keys.cpp
Answer create_key(Context& context, Exchange& exchange);
Answer upload_certificate(Context& context, Exchange& exchange);
Answer get_certificate(Context& context, Exchange& exchange);
Answer retire_key(Context& context, Exchange& exchange);
Answer revoke_key(Context& context, Exchange& exchange);
// messages.cpp
Answer sign_message(Context& context, Exchange& exchange);
Answer verify_message(Context& context, Exchange& exchange);
Answer checkout(Context& context, Exchange& exchange);

}  // namespace signet::api::mypos
