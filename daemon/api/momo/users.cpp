#include "daemon/api/momo/users.h"

#include <algorithm>
#include <charconv>

#include "base/address_prefix.h"
#include "base/random.h"
#include "daemon/api/momo/secrets.h"
#include "daemon/service/details.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::api::momo {
namespace {

sqlite::AuditRecord record_of(const service::Caller& caller, std::string_view action, std::string_view user,
                              service::Details details) {
    return {.request_id = std::string(caller.request_id),
            .principal = std::string(caller.principal),
            .action = std::string(action),
            .object = "momo/user/" + std::string(user),
            .outcome = "ok",
            .details = details.text()};
}

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

// RFC 1123 section 2.1: labels of letters, digits and hyphens.
bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    while (!text.empty()) {
        const auto dot = text.find('.');
        const auto label = text.substr(0, dot);
        const bool plain = std::ranges::all_of(label, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        });
        if (label.empty() || label.size() > 63 || !plain || label.front() == '-' || label.back() == '-')
            return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
    return false;
}

bool is_address(const std::string& text) {
    return !text.contains('/') && AddressPrefix::parse(text).has_value();
}

}  // namespace

Result<std::string> read_callback_host(std::string_view text) {
    std::string host(text.substr(0, 512));
    std::ranges::transform(host, host.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const auto refuse = [] {
        return fail(ErrorCode::invalid_argument,
                    "providerCallbackHost: expected a host such as clinic.com, without scheme and path");
    };
    if (host.starts_with('[')) {
        const auto close = host.find(']');
        if (close == std::string::npos || !is_address(host.substr(1, close - 1))) return refuse();
        if (close + 1 == host.size()) return host;
        if (host[close + 1] != ':' || !is_port(std::string_view(host).substr(close + 2))) return refuse();
        return host;
    }
    const auto colon = host.find(':');
    const auto name = std::string_view(host).substr(0, colon);
    if (colon != std::string::npos && !is_port(std::string_view(host).substr(colon + 1))) return refuse();
    if (!is_host_name(name)) return refuse();
    return host;
}

Result<sqlite::MomoUser> create_user(Context& context, const service::Caller& caller, std::string_view action,
                                     NewUser user) {
    sqlite::MomoUser row{.id = std::move(user.id),
                         .merchant = std::move(user.merchant),
                         .callback_host = std::move(user.callback_host),
                         .environment = context.settings().target_environment,
                         .created = context.services.clock.now(),
                         .created_by = std::string(caller.principal)};
    const auto record = record_of(caller, action, row.id,
                                  service::Details()
                                      .add("change", "create_user")
                                      .add("merchant", row.merchant)
                                      .add("callback_host", row.callback_host));
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::momo_user_store::insert(transaction, row));
        SIGNET_TRY(transaction.audit(record));
        return {};
    }));
    return row;
}

Result<std::string> create_api_key(Context& context, const service::Caller& caller, std::string_view action,
                                   const std::string& user) {
    SIGNET_ASSIGN(auto made, make_api_key(context.services, context.settings(), user, caller.deadline));
    const sqlite::MomoKey key{.id = random_id(),
                              .mac = std::move(made.mac),
                              .mac_version = made.mac_version,
                              .created = context.services.clock.now()};
    const auto record =
        record_of(caller, action, user, service::Details().add("change", "create_key").add("key", key.id));
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::momo_user_store::set_key(transaction, user, key));
        SIGNET_TRY(transaction.audit(record));
        return {};
    }));
    return std::move(made.text);
}

Status revoke_user(Context& context, const service::Caller& caller, std::string_view action,
                   const std::string& user) {
    const auto record = record_of(caller, action, user, service::Details().add("change", "revoke_user"));
    return context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::momo_user_store::revoke(transaction, user, context.services.clock.now()));
        SIGNET_TRY(transaction.audit(record));
        return {};
    });
}

Status revoke_api_key(Context& context, const service::Caller& caller, std::string_view action,
                      const std::string& user) {
    const auto record = record_of(caller, action, user, service::Details().add("change", "revoke_key"));
    return context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::momo_user_store::drop_key(transaction, user));
        SIGNET_TRY(transaction.audit(record));
        return {};
    });
}

Result<sqlite::MomoUser> live_user(Context& context, std::string_view id) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(auto user, sqlite::momo_user_store::find(*db, id));
    if (!user || user->revoked) return fail(ErrorCode::not_found, "there is no API user " + std::string(id));
    return *std::move(user);
}

}  // namespace signet::api::momo
