// The hot routes: one signature, one MAC.
#include "base/encoding.h"
#include "daemon/api/native/handlers.h"
#include "daemon/api/native/sign_body.h"

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

}  // namespace

Answer sign(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(auto body, read_sign_body(exchange, true));
    SIGNET_ASSIGN(const auto key, services.keys.active(exchange.parameter("label"), KeyUsage::sign));
    SIGNET_ASSIGN(const auto algorithm, service::choose_algorithm(*key, body.algorithm));
    SIGNET_TRY(exchange.authorise(to_string(algorithm)));
    SIGNET_ASSIGN(auto input, body.is_digest ? service::input_of_digest(algorithm, std::move(body.bytes))
                                             : service::input_of_data(algorithm, std::move(body.bytes)));
    SIGNET_ASSIGN(const auto made,
                  services.signing.sign(caller_of(exchange), key, algorithm, std::move(input)));
    return answer_of("signature", made, to_string(algorithm), key->id);
}

Answer mac(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(auto body, read_sign_body(exchange, false));
    SIGNET_ASSIGN(const auto key, services.keys.active(exchange.parameter("label"), KeyUsage::mac));
    SIGNET_ASSIGN(const auto algorithm, service::choose_mac_algorithm(*key, body.algorithm));
    SIGNET_TRY(exchange.authorise(to_string(algorithm)));
    SIGNET_ASSIGN(const auto made,
                  services.signing.mac(caller_of(exchange), key, algorithm, std::move(body.bytes)));
    return answer_of("mac", made, to_string(algorithm), key->id);
}

}  // namespace signet::api::native
