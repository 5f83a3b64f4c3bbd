// API users and keys of any merchant, for administrators.
#include "base/random.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/momo/handlers.h"
#include "daemon/api/momo/users.h"
#include "daemon/http/form.h"
#include "sqlite/read_pool.h"

namespace signet::api::momo {
namespace {

constexpr std::string_view kAction = "momo.manage";

void write_user(JsonWriter& json, const sqlite::MomoUser& user) {
    json.begin_object();
    json.member("id", user.id);
    json.member("merchant", user.merchant);
    json.member("callback_host", user.callback_host);
    json.member("target_environment", user.environment);
    json.member("created", to_rfc3339(user.created));
    json.member("created_by", user.created_by);
    json.member("state", user.revoked ? "revoked" : "active");
    if (user.revoked) json.member("revoked", to_rfc3339(*user.revoked));
    json.member("has_key", user.key.has_value());
    if (user.key) json.member("key_created", to_rfc3339(user.key->created));
    json.end_object();
}

Answer user_answer(const sqlite::MomoUser& user, unsigned status = 200) {
    JsonWriter json;
    write_user(json, user);
    return json_answer(json.take(), status);
}

Result<std::string> user_id(const Exchange& exchange) {
    return read_uuid(exchange.parameter("id"), "the API user");
}

Result<sqlite::MomoUser> any_user(Context& context, const std::string& id) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(auto user, sqlite::momo_user_store::find(*db, id));
    if (!user) return fail(ErrorCode::not_found, "there is no API user " + id);
    return *std::move(user);
}

}  // namespace

Answer admin_create_user(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"id", "merchant", "callback_host"}));
    SIGNET_ASSIGN(const auto merchant, body.text("merchant", 128));
    SIGNET_ASSIGN(const auto host_text, body.text("callback_host", 512));
    SIGNET_ASSIGN(const auto id_text, body.optional_text("id", 36));
    SIGNET_ASSIGN(const auto host, read_callback_host(host_text));
    if (merchant.empty())
        return fail(ErrorCode::invalid_argument, "merchant: expected the name of a principal");
    std::string id;
    if (id_text) {
        SIGNET_ASSIGN(id, read_uuid(*id_text, "id"));
    }
    return idempotent(context.services, exchange, [&](const Keep&) -> Answer {
        SIGNET_ASSIGN(const auto user,
                      create_user(context, caller_of(exchange), kAction,
                                  {id.empty() ? random_uuid() : id, std::string(merchant), host}));
        return user_answer(user, 201);
    });
}

Answer admin_list_users(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto query, http::Form::parse(exchange.request().query));
    SIGNET_ASSIGN(const auto limit, exchange.query_number("limit", 100, 1, 1000));
    const auto* merchant = query.find("merchant");
    const auto* after = query.find("after");
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto rows, sqlite::momo_user_store::list(*db, merchant == nullptr ? "" : *merchant,
                                                                 after == nullptr ? "" : *after,
                                                                 static_cast<std::size_t>(limit)));
    JsonWriter json(256 + rows.size() * 256);
    json.begin_object();
    json.key("users");
    json.begin_array();
    for (const auto& row : rows)
        write_user(json, row);
    json.end_array();
    json.member("more", rows.size() == limit);
    json.end_object();
    return json_answer(json.take());
}

Answer admin_get_user(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto id, user_id(exchange));
    SIGNET_ASSIGN(const auto user, any_user(context, id));
    return user_answer(user);
}

Answer admin_create_key(Context& context, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(const auto id, user_id(exchange));
    return idempotent(
        context.services, exchange,
        [&](const Keep&) -> Answer {
            SIGNET_ASSIGN(const auto key, create_api_key(context, caller_of(exchange), kAction, id));
            JsonWriter json;
            json.begin_object();
            json.member("id", id);
            json.member("api_key", key);
            json.end_object();
            return json_answer(json.take(), 201);
        },
        true);
}

Answer admin_revoke_user(Context& context, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(const auto id, user_id(exchange));
    SIGNET_TRY(revoke_user(context, caller_of(exchange), kAction, id));
    SIGNET_ASSIGN(const auto user, any_user(context, id));
    return user_answer(user);
}

Answer admin_revoke_key(Context& context, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(const auto id, user_id(exchange));
    SIGNET_TRY(revoke_api_key(context, caller_of(exchange), kAction, id));
    SIGNET_ASSIGN(const auto user, any_user(context, id));
    return user_answer(user);
}

}  // namespace signet::api::momo
