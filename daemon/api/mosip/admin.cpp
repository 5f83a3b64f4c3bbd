#include "daemon/api/mosip/admin.h"

namespace signet::api::mosip {

Status check_name(std::string_view member, std::string_view value) {
    const bool plain = std::ranges::none_of(
        value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '/' || c == 0x7f; });
    if (value.empty() || value.size() > 128 || !plain)
        return fail(ErrorCode::invalid_argument,
                    std::string(member) + ": expected 1 to 128 bytes of text without slashes");
    return {};
}

Result<sqlite::MosipVendor> must_find_vendor(Context& context, std::string_view provider_id) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(auto vendor, sqlite::mosip_vendor_store::find(*db, provider_id));
    if (!vendor) return fail(ErrorCode::not_found, "there is no vendor " + std::string(provider_id));
    return *std::move(vendor);
}

Status record(sqlite::Transaction& transaction, Exchange& exchange, std::string object,
              const service::Details& details) {
    const auto caller = caller_of(exchange);
    SIGNET_TRY(transaction.audit({.request_id = std::string(caller.request_id),
                                  .principal = std::string(caller.principal),
                                  .action = std::string(exchange.route().permission),
                                  .object = std::move(object),
                                  .outcome = "ok",
                                  .details = details.text()}));
    return {};
}

Result<Page> page_of(Exchange& exchange, std::size_t max_limit) {
    SIGNET_ASSIGN(const auto after, exchange.query_number("after", 0, 0, INT64_MAX));
    SIGNET_ASSIGN(const auto limit,
                  exchange.query_number("limit", std::min<std::size_t>(100, max_limit), 1, max_limit));
    return Page{static_cast<std::int64_t>(after), limit};
}

}  // namespace signet::api::mosip
