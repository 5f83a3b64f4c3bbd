// Administration of keys; on the admin socket only.
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/native/handlers.h"
#include "daemon/api/native/routes.h"
#include "daemon/service/idempotency.h"
#include "daemon/service/keys.h"

namespace signet::api::native {
namespace {

constexpr std::int64_t kMaxVersion = 1'000'000;

http::Response answer_of(const service::KeyChange& change, std::string_view state, unsigned status = 200) {
    JsonWriter json;
    json.begin_object();
    json.member("label", change.key.label);
    json.member("version", change.key.version);
    json.member("state", state);
    json.member("audit", change.audit);
    json.end_object();
    return json_answer(json.take(), status);
}

Result<std::optional<std::uint32_t>> version_in(const JsonObject& body) {
    SIGNET_ASSIGN(const auto version, body.optional_integer("version", 1, kMaxVersion));
    if (!version) return std::nullopt;
    return static_cast<std::uint32_t>(*version);
}

Result<KeyUsages> usages_in(const JsonObject& body) {
    SIGNET_ASSIGN(const auto names, body.texts("usages", 16, 32));
    KeyUsages usages;
    for (const auto name : names) {
        const auto usage = key_usage_from(name);
        if (!usage)
            return fail(
                ErrorCode::invalid_argument,
                "usages: expected sign, certify, tls, audit, decrypt, mac, wrap, seal, bind or unwrap");
        usages = usages | *usage;
    }
    return usages;
}

// What the transactions of a change do for the request's Idempotency-Key.
service::AlsoOnKeyChange keeping(const Keep& keep, std::string_view state, unsigned status) {
    return {keep.bind,
            [&keep, state, status](sqlite::Transaction& transaction, const service::KeyChange& made) {
                return keep(transaction, answer_of(made, state, status));
            }};
}

using Change = std::function<Result<service::KeyChange>(const service::Caller&, std::optional<std::uint32_t>,
                                                        const Keep& keep)>;

Answer change_version(Services& services, Exchange& exchange, std::string_view state, bool needs_version,
                      const Change& change) {
    SIGNET_ASSIGN(const auto body, optional_body(exchange));
    SIGNET_TRY(body.only({"version"}));
    SIGNET_ASSIGN(const auto version, version_in(body));
    if (needs_version && !version)
        return fail(ErrorCode::invalid_argument,
                    "version: expected a number; what is destroyed is gone for good");
    return idempotent(services, exchange, [&](const Keep& keep) -> Answer {
        SIGNET_ASSIGN(const auto done, change(caller_of(exchange), version, keep));
        return answer_of(done, state);
    });
}

}  // namespace

Answer create_key(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"label", "algorithm", "usages", "extractable", "activate", "not_after"}));
    service::CreateKey request;
    SIGNET_ASSIGN(const auto label, body.text("label", 64));
    request.label = label;
    SIGNET_ASSIGN(const auto algorithm_name, body.text("algorithm", 32));
    const auto algorithm = key_algorithm_from(algorithm_name);
    if (!algorithm)
        return fail(
            ErrorCode::invalid_argument,
            "algorithm: expected rsa-2048, rsa-3072, rsa-4096, ec-p256, ec-p384, ed25519, aes-256, hmac-256, "
            "hmac-384 or hmac-512");
    request.algorithm = *algorithm;
    SIGNET_ASSIGN(request.usages, usages_in(body));
    SIGNET_ASSIGN(const auto extractable, body.optional_boolean("extractable"));
    request.extractable = extractable.value_or(false);
    SIGNET_ASSIGN(const auto activate, body.optional_boolean("activate"));
    request.activate = activate.value_or(true);
    SIGNET_ASSIGN(const auto not_after, body.optional_text("not_after", 64));
    if (not_after) {
        request.not_after = from_rfc3339(*not_after);
        if (!request.not_after)
            return fail(ErrorCode::invalid_argument,
                        "not_after: expected a time such as 2030-01-31T00:00:00Z");
    }
    // The label is in the body: the policy's globs apply to it here.
    SIGNET_TRY(exchange.authorise("", request.label, 1));
    const std::string_view state = request.activate ? "active" : "pending";
    return idempotent(services, exchange, [&](const Keep& keep) -> Answer {
        SIGNET_ASSIGN(const auto change,
                      services.keys.create(caller_of(exchange), request, keeping(keep, state, 201)));
        return answer_of(change, state, 201);
    });
}

Answer rotate_key(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, optional_body(exchange));
    SIGNET_TRY(body.only({"activate"}));
    SIGNET_ASSIGN(const auto activate, body.optional_boolean("activate"));
    const auto& label = exchange.parameter("label");
    return idempotent(services, exchange, [&](const Keep& keep) -> Answer {
        // Without a word from the caller, a key that needs a certificate first stays pending (Keys::rotate).
        SIGNET_ASSIGN(const auto key, services.keys.find(label));
        const auto usages = key->shown().usages;
        const bool active = activate.value_or(!usages.has(KeyUsage::certify) && !usages.has(KeyUsage::tls));
        const std::string_view state = active ? "active" : "pending";
        SIGNET_ASSIGN(const auto change,
                      services.keys.rotate(caller_of(exchange), label, active, keeping(keep, state, 201)));
        return answer_of(change, state, 201);
    });
}

Answer activate_key(Services& services, Exchange& exchange) {
    return change_version(services, exchange, "active", false,
                          [&](const auto& caller, auto version, const auto&) {
                              return services.keys.activate(caller, exchange.parameter("label"), version);
                          });
}

Answer disable_key(Services& services, Exchange& exchange) {
    return change_version(services, exchange, "disabled", false,
                          [&](const auto& caller, auto version, const auto&) {
                              return services.keys.disable(caller, exchange.parameter("label"), version);
                          });
}

Answer retire_key(Services& services, Exchange& exchange) {
    return change_version(services, exchange, "retired", false,
                          [&](const auto& caller, auto version, const auto&) {
                              return services.keys.retire(caller, exchange.parameter("label"), version);
                          });
}

Answer destroy_key(Services& services, Exchange& exchange) {
    return change_version(services, exchange, "destroyed", true,
                          [&](const auto& caller, auto version, const auto& keep) {
                              return services.keys.destroy(caller, exchange.parameter("label"), *version,
                                                           keeping(keep, "destroyed", 200));
                          });
}

Answer import_certificate(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"certificate"}));
    SIGNET_ASSIGN(const auto certificate, body.text("certificate", std::size_t{48} << 10));
    SIGNET_ASSIGN(const auto change,
                  services.keys.import_certificate(caller_of(exchange), exchange.parameter("label"),
                                                   to_bytes(certificate)));
    SIGNET_ASSIGN(const auto key, services.keys.find(change.key.label));
    const auto* const version = key->find(change.key.version);
    return answer_of(change, version != nullptr ? version->state_name() : "", 201);
}

Status keep_settled(service::Idempotency& idempotency, sqlite::Transaction& transaction,
                    const service::SettledIntent& settled) {
    if (!settled.done) return idempotency.settle(transaction, settled.id, std::nullopt);
    const auto answer = answer_of(settled.change, sqlite::to_string(settled.state),
                                  settled.action == "keys.destroy" ? 200 : 201);
    return idempotency.settle(transaction, settled.id,
                              service::KeptAnswer{answer.status, answer.content_type, answer.body});
}

}  // namespace signet::api::native
