#include "daemon/api/mypos/context.h"

#include <algorithm>
#include <charconv>

#include "daemon/config/current.h"
#include "sqlite/read_pool.h"

namespace signet::api::mypos {

config::Mypos Context::settings() const {
    const auto config = services.config.get();
    // A reload that drops the section takes effect at the next start.
    return config->mypos.value_or(config::Mypos{});
}

Status check_store_id(std::string_view id) {
    const bool plain = std::ranges::all_of(id, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    });
    if (!id.empty() && id.size() <= 64 && plain) return {};
    return fail(ErrorCode::invalid_argument, "sid: expected a StoreID of letters, digits and - _ .");
}

Result<std::uint32_t> read_index(std::string_view text) {
    std::uint32_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc{} || end != text.data() + text.size() || index == 0 || index > 1'000'000)
        return fail(ErrorCode::invalid_argument, "expected a key index from 1");
    return index;
}

Result<sqlite::MyposStore> open_store(Context& context, std::string_view id) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(auto store, sqlite::mypos_store::find(*db, id));
    if (!store || store->closed)
        return fail(ErrorCode::not_found, "there is no store " + std::string(id) + " that is open");
    return *std::move(store);
}

Result<sqlite::MyposKey> find_key(Context& context, std::string_view store, std::uint32_t index) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(auto key, sqlite::mypos_store::find_key(*db, store, index));
    if (!key || key->state == sqlite::MyposKeyState::revoked)
        return fail(ErrorCode::not_found,
                    "the store " + std::string(store) + " has no key " + std::to_string(index) + " in force");
    return *std::move(key);
}

sqlite::AuditRecord record_of(const Exchange& exchange, std::string_view action, std::string_view store,
                              std::string details) {
    return {.request_id = exchange.id(),
            .principal = std::string(exchange.principal()),
            .action = std::string(action),
            .object = "mypos/store/" + std::string(store),
            .outcome = "ok",
            .details = std::move(details)};
}

}  // namespace signet::api::mypos
