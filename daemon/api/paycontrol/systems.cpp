// Chapter Systems, and what its seller does (administration).
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/random.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/key_delivery.h"
#include "daemon/api/paycontrol/licence.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/api/paycontrol/routes.h"
#include "daemon/api/reach.h"
#include "daemon/config/paycontrol.h"
#include "daemon/service/details.h"
#include "daemon/service/wrapped_keys.h"
#include "signet_version.h"
#include "sqlite/read_pool.h"
#include "sqlite/wrapped_key_store.h"

namespace signet::api::paycontrol {
namespace {

constexpr std::size_t kRequest = std::size_t{64} << 10;
constexpr std::size_t kUrl = 2048;
constexpr std::size_t kId = 64;
constexpr std::string_view kOutbound = "paycontrol";

// First segments below /pc-api that are no systems.
constexpr std::array<std::string_view, 4> kReserved{"rks", "events", "ext", "healthcheck"};

bool good_id(std::string_view id) {
    return !id.empty() && id.size() <= kId &&
           std::ranges::all_of(id,
                               [](char c) {
                                   return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                               }) &&
           id != "." && id != ".." && std::ranges::find(kReserved, id) == kReserved.end();
}

// Of the program's file: builds are reproducible and hold no time.
std::string build_time() {
    struct stat info{};
    if (::stat("/proc/self/exe", &info) != 0) return {};
    return to_rfc3339(from_unix_ms(std::int64_t{info.st_mtim.tv_sec} * 1000));
}

// {"request": base64 of {"request":{"id","name","description",…},"signature"}}
Outcome<Reply> register_system(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto text,
                  required_text(body, "request", Code::error_parse_register_system_info, kRequest));
    const auto decoded = from_base64_wrapped(text);
    if (!decoded) return fail(Code::error_parse_register_system_info);
    const auto document = parse_body(as_text(*decoded));
    if (!document) return fail(Code::error_parse_register_system_info);
    auto request = signed_request(call, *document);
    if (!request) {
        if (request.error().code == Code::json_request_incorrect)
            return fail(Code::error_parse_register_system_info);
        return std::unexpected(request.error());
    }
    if (!*request) return fail(Code::request_signature_not_valid);
    sqlite::PayControlSystem system;
    SIGNET_ASSIGN(system.system_id, required_text(**request, "id", Code::system_id_is_null, 256));
    if (!good_id(system.system_id)) return fail(Code::system_id_is_wrong);
    SIGNET_ASSIGN(system.name, required_text(**request, "name", Code::system_name_is_null, 256));
    SIGNET_ASSIGN(system.description, text_or_empty(**request, "description", 1024));
    system.created = system.updated = call.context.now();
    system.key_lifetime = call.context.settings()->key_lifetime;
    call.event.system_id = system.system_id;
    std::vector<sqlite::StoredWrappedKey> secrets;
    for (const auto key_class : {kSystemCodeKey, kSystemCredentialKey, kSystemImitKey}) {
        SIGNET_ASSIGN(auto row, call.services().wrapped.generate(
                                    KeyBinding{owner_of(system.system_id), std::string(key_class), 0, 1,
                                               KeyAlgorithm::hmac_256, KeyUsage::mac},
                                    Deadline{call.exchange.deadline()}));
        secrets.push_back(std::move(row));
    }
    SIGNET_TRY(call.commit("paycontrol/" + system.system_id, service::Details().add("name", system.name),
                           [&](sqlite::Transaction& t) -> Outcome<void> {
                               SIGNET_ASSIGN(const auto existing,
                                             sqlite::paycontrol_system_store::find(t.db(), system.system_id));
                               if (existing) return fail(Code::system_id_not_unique);
                               SIGNET_TRY(sqlite::paycontrol_system_store::insert(t, system));
                               for (const auto& secret : secrets)
                                   SIGNET_TRY(sqlite::wrapped_key_store::insert(t, secret));
                               return {};
                           }));
    return Reply{};
}

Outcome<Reply> get_system(Call& call) {
    SIGNET_ASSIGN(const auto system, system_of(call));
    JsonWriter json(1024);
    json.begin_object();
    json.member("system_id", system.system_id);
    json.member("name", system.name);
    json.member("description", system.description);
    json.member("created_at", to_unix_ms(system.created));
    json.member("updated_at", to_unix_ms(system.updated));
    json.member("is_deleted", false);
    json.member("user_keys_expiration_period", system.key_lifetime);
    json.member("pc_is_external_url", system.external_url);
    json.member("pc_is_internal_url", system.internal_url);
    json.member("events_post_url", system.events_post_url);
    json.member("callback_url", system.callback_url);
    json.member("report_template_path", system.report_template);
    json.member("license", system.license);
    json.end_object();
    return Reply{"system_info", json.take()};
}

// A member that may be absent (unchanged) or empty (none).
Outcome<void> take_url(Call& call, const JsonObject& body, std::string_view name, std::string& url,
                       bool called_by_us) {
    if (!body.has(name)) return {};
    SIGNET_ASSIGN(auto text, text_or_empty(body, name, kUrl));
    if (!text.empty()) {
        if (const auto parsed = parse_url(text); !parsed)
            return fail(Code::json_request_incorrect, std::string(name) + ": " + parsed.error().message);
        if (called_by_us) {
            if (const auto allowed = call.services().reach.check(kOutbound, text); !allowed)
                return fail(Code::json_request_incorrect, std::string(name) + ": " + allowed.error().message);
        }
    }
    url = std::move(text);
    return {};
}

Outcome<Reply> change_system(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(auto system, system_of(call));
    SIGNET_ASSIGN(const auto lifetime, number_of(body, "user_keys_expiration_period", 1, 36'500));
    if (lifetime) system.key_lifetime = static_cast<std::uint32_t>(*lifetime);
    SIGNET_TRY(take_url(call, body, "pc_is_external_url", system.external_url, false));
    SIGNET_TRY(take_url(call, body, "pc_is_internal_url", system.internal_url, true));
    SIGNET_TRY(take_url(call, body, "events_post_url", system.events_post_url, true));
    SIGNET_TRY(take_url(call, body, "callback_url", system.callback_url, true));
    if (body.has("report_template_path")) {
        SIGNET_ASSIGN(system.report_template, text_or_empty(body, "report_template_path", 1024));
    }
    if (body.has("license")) {
        SIGNET_ASSIGN(const auto licence, text_or_empty(body, "license", kRequest));
        SIGNET_TRY(take_licence(call, licence, system));
    }
    system.updated = call.context.now();
    service::Details details;
    for (const auto name : body.names())
        details.add(name, name == "license" ? "replaced" : "changed");
    SIGNET_TRY(
        call.commit("paycontrol/" + system.system_id, details, [&](sqlite::Transaction& t) -> Outcome<void> {
            SIGNET_TRY(sqlite::paycontrol_system_store::update(t, system));
            return {};
        }));
    return Reply{};
}

// Administration: {"id"?,"name","description"?,"users_count","expires":unix ms} to a registration request and a licence.
Outcome<Reply> issue_system(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(auto id, text_or_empty(body, "id", 256));
    if (id.empty()) id = random_uuid();
    if (!good_id(id)) return fail(Code::system_id_is_wrong);
    SIGNET_ASSIGN(const auto name, required_text(body, "name", Code::system_name_is_null, 256));
    SIGNET_ASSIGN(const auto description, text_or_empty(body, "description", 1024));
    SIGNET_ASSIGN(const auto users, number_of(body, "users_count", 1, std::int64_t{1} << 40));
    SIGNET_ASSIGN(const auto expires, number_of(body, "expires", 1, std::int64_t{1} << 52));
    if (!users || !expires)
        return fail(Code::json_request_incorrect, "users_count and expires (ms) must be there");
    JsonWriter request;
    request.begin_object();
    request.member("id", id);
    request.member("name", name);
    request.member("description", description);
    request.end_object();
    JsonWriter licence;
    licence.begin_object();
    licence.member("systemId", id);
    licence.member("dateTime", *expires);
    licence.member("usersCount", *users);
    licence.end_object();
    SIGNET_ASSIGN(const auto signed_registration, sign_as_seller(call, request.take()));
    SIGNET_ASSIGN(const auto signed_licence, sign_as_seller(call, licence.take()));
    JsonWriter json;
    json.begin_object();
    json.member("system_id", id);
    json.member_base64("request", as_bytes(signed_registration));
    json.member("license", signed_licence);
    json.end_object();
    return Reply{"system_issued", json.take()};
}

Outcome<Reply> list_systems(Call& call) {
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    JsonWriter json;
    json.begin_array();
    std::string after;
    for (bool more = true; more;) {
        SIGNET_ASSIGN(const auto page, sqlite::paycontrol_system_store::list(*db, after, 200));
        more = page.size() == 200;
        for (const auto& system : page) {
            json.begin_object();
            json.member("system_id", system.system_id);
            json.member("name", system.name);
            json.member("users", system.users);
            json.member("licensed_users", system.license_users);
            if (!system.license.empty()) json.member("license_expires", to_rfc3339(system.license_expires));
            json.end_object();
            after = system.system_id;
        }
    }
    json.end_array();
    return Reply{"systems", json.take()};
}

Outcome<Reply> healthcheck(Call& call) {
    JsonWriter json;
    json.begin_object();
    json.member("status", "UP");
    json.member("product", "PC Server");
    json.member("version", SIGNET_VERSION);
    json.member("build_timestamp", build_time());
    json.member("build_branch", "main");
    json.member("instance", call.context.settings()->instance);
    json.end_object();
    http::Response answer;
    answer.body = json.take();
    return Reply{.whole = std::move(answer)};
}

}  // namespace

std::vector<Row> system_rows() {
    using enum http::Verb;
    return {
        {post, "", "paycontrol.systems.register", For::applications, kRequest * 2, "register_system",
         register_system, "Register a system with a request of the seller"},
        {get, "/{system}", "paycontrol.systems.read", For::applications, 0, "get_system_info", get_system,
         "A system's settings"},
        {patch, "/{system}", "paycontrol.systems.change", For::applications, kRequest * 2, "change_system",
         change_system, "Change a system's settings or licence"},
        {get, "/healthcheck", "paycontrol.health", For::applications, 0, "", healthcheck,
         "Version and build"},
        {post, "/systems/issue", "paycontrol.systems.issue", For::administration, kRequest, "", issue_system,
         "Sign a registration request and a licence as the seller"},
        {get, "/systems", "paycontrol.systems.read", For::administration, 0, "", list_systems, "All systems"},
    };
}

}  // namespace signet::api::paycontrol
