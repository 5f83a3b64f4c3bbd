// CRLs and OCSP: what relying parties ask for, often through caches.
#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/native/handlers.h"
#include "daemon/service/authorities.h"
#include "hsm/pki/ocsp.h"

namespace signet::api::native {
namespace {

Result<std::optional<std::uint32_t>> wanted_version(const Exchange& exchange) {
    SIGNET_ASSIGN(const auto version, exchange.query_number("version", 0, 1, 1'000'000));
    if (version == 0) return std::nullopt;
    return static_cast<std::uint32_t>(version);
}

void allow_caching(http::Response& response, std::chrono::milliseconds time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
    response.headers.emplace_back("Cache-Control",
                                  "public, max-age=" + std::to_string(std::max<long long>(0, seconds)));
}

Answer answer_ocsp(Services& services, Exchange& exchange, ByteView request) {
    SIGNET_ASSIGN(auto reply,
                  services.authorities.ocsp(caller_of(exchange), exchange.parameter("label"), request));
    http::Response response;
    response.content_type = "application/ocsp-response";
    response.body = as_text(reply.der);
    if (reply.next_update && exchange.request().verb != http::Verb::post)
        allow_caching(response, (*reply.next_update - services.clock.now()) / 2);
    else
        response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

}  // namespace

Answer get_crl(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto version, wanted_version(exchange));
    SIGNET_ASSIGN(const auto crl,
                  services.authorities.crl(caller_of(exchange), exchange.parameter("label"), version));
    http::Response response;
    response.content_type = "application/pkix-crl";  // RFC 2585 section 4.2
    response.body = as_text(crl.der);
    // A revocation must not wait in caches until nextUpdate.
    allow_caching(response, std::min<std::chrono::milliseconds>(crl.next_update - services.clock.now(),
                                                                std::chrono::minutes{5}));
    return response;
}

Answer publish_crl(Services& services, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(const auto version, wanted_version(exchange));
    SIGNET_ASSIGN(const auto crl,
                  services.authorities.publish(caller_of(exchange), exchange.parameter("label"), version));
    JsonWriter json;
    json.begin_object();
    json.member("key", crl.ca);
    json.member("version", crl.ca_version);
    json.member("number", crl.number);
    json.member("this_update", to_rfc3339(crl.this_update));
    json.member("next_update", to_rfc3339(crl.next_update));
    json.end_object();
    return json_answer(json.take(), 201);
}

// RFC 6960 appendix A.1: DER in the body.
Answer ocsp_post(Services& services, Exchange& exchange) {
    const auto type = exchange.header("Content-Type");
    if (!http::equal_ignoring_case(type.substr(0, type.find(';')), "application/ocsp-request"))
        return fail(ErrorCode::invalid_argument, "expected Content-Type: application/ocsp-request");
    return answer_ocsp(services, exchange, as_bytes(exchange.body()));
}

// RFC 6960 appendix A.1: the url-encoding of the base64 encoding of the DER, after the responder's URL.
Answer ocsp_get(Services& services, Exchange& exchange) {
    const auto request = from_base64(exchange.parameter("request"));
    return answer_ocsp(services, exchange, request ? ByteView(*request) : ByteView{});
}

}  // namespace signet::api::native
