// The hot routes: one signature, one MAC.
#include "base/encoding.h"
#include "daemon/api/native/handlers.h"
#include "daemon/api/native/sign_body.h"
#include "daemon/service/keys.h"
#include "daemon/service/signing.h"

namespace signet::api::native {
namespace {

// Base64, names and numbers need no escaping.
http::Response answer_of(std::string_view member, const service::Signature& made, std::string_view algorithm,
                         const KeyId& key) {
    const auto value = to_base64(made.value);
    http::Response response;
    auto& out = response.body;
    out.reserve(96 + value.size() + key.label.size());
    out.append("{\"").append(member).append("\":\"").append(value);
    out.append("\",\"algorithm\":\"").append(algorithm).append("\",\"key\":\"").append(key.label);
    out.append("\",\"version\":").append(std::to_string(key.version));
    out.append(",\"audit\":").append(std::to_string(made.audit)).append("}");
    return response;
}

// Turns what the service tells into the answer; the exchange lives until then.
service::Signing::Finished answering(std::shared_ptr<Exchange> exchange, http::Finish finish,
                                     std::string_view member, std::string_view algorithm, const KeyId& key) {
    return [exchange = std::move(exchange), finish = std::move(finish), member, algorithm,
            key](Result<service::Signature> made) mutable {
        finish(made ? answer_of(member, *made, algorithm, key) : exchange->fail(made.error()));
    };
}

// `finish` is still the caller's when these fail.
Status start_sign(Services& services, const std::shared_ptr<Exchange>& exchange, http::Finish& finish) {
    SIGNET_ASSIGN(auto body, read_sign_body(*exchange, true));
    SIGNET_ASSIGN(const auto key, services.keys.active(exchange->parameter("label"), KeyUsage::sign));
    SIGNET_ASSIGN(const auto algorithm, service::choose_algorithm(*key, body.algorithm));
    SIGNET_TRY(exchange->authorise(to_string(algorithm)));
    SIGNET_ASSIGN(auto input, body.is_digest ? service::input_of_digest(algorithm, std::move(body.bytes))
                                             : service::input_of_data(algorithm, std::move(body.bytes)));
    services.signing.begin_sign(
        caller_of(*exchange), key, algorithm, std::move(input),
        answering(exchange, std::move(finish), "signature", to_string(algorithm), key->id));
    return {};
}

Status start_mac(Services& services, const std::shared_ptr<Exchange>& exchange, http::Finish& finish) {
    SIGNET_ASSIGN(auto body, read_sign_body(*exchange, false));
    SIGNET_ASSIGN(const auto key, services.keys.active(exchange->parameter("label"), KeyUsage::mac));
    SIGNET_ASSIGN(const auto algorithm, service::choose_mac_algorithm(*key, body.algorithm));
    SIGNET_TRY(exchange->authorise(to_string(algorithm)));
    services.signing.begin_mac(caller_of(*exchange), key, algorithm, std::move(body.bytes),
                               answering(exchange, std::move(finish), "mac", to_string(algorithm), key->id));
    return {};
}

}  // namespace

void sign(Services& services, std::shared_ptr<Exchange> exchange, http::Finish finish) {
    if (const auto started = start_sign(services, exchange, finish); !started)
        finish(exchange->fail(started.error()));
}

void mac(Services& services, std::shared_ptr<Exchange> exchange, http::Finish finish) {
    if (const auto started = start_mac(services, exchange, finish); !started)
        finish(exchange->fail(started.error()));
}

}  // namespace signet::api::native
