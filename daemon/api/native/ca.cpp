// Certificates: issuing, reading, revoking.
#include <charconv>

#include "base/encoding.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/native/handlers.h"
#include "daemon/service/authorities.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/crl.h"
#include "hsm/pki/csr.h"

namespace signet::api::native {
namespace {

// "90d", "12h", "30m", "45s".
Result<std::chrono::seconds> duration_of(std::string_view text) {
    std::int64_t count = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
    const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const std::int64_t factor = unit == "d"   ? 86'400
                                : unit == "h" ? 3'600
                                : unit == "m" ? 60
                                : unit == "s" ? 1
                                              : 0;
    if (failure != std::errc{} || count <= 0 ||
        count > 36'500 * std::int64_t{86'400} / (factor == 0 ? 1 : factor) || factor == 0)
        return fail(ErrorCode::invalid_argument, "validity: expected a duration such as 90d, 12h or 30m");
    return std::chrono::seconds{count * factor};
}

http::Response answer_of(const service::IssuedCertificate& issued) {
    JsonWriter json(8192);
    json.begin_object();
    json.member("certificate", issued.pem);
    json.key("chain");
    json.begin_array();
    for (const auto& pem : issued.chain)
        json.text(pem);
    json.end_array();
    json.member("serial", issued.serial);
    json.member("not_after", to_rfc3339(issued.not_after));
    json.member("audit", issued.audit);
    json.end_object();
    return json_answer(json.take(), 201);
}

}  // namespace

Answer issue_certificate(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"csr", "profile", "validity"}));
    SIGNET_ASSIGN(const auto csr, body.text("csr", pki::kMaxCsrSize));
    SIGNET_ASSIGN(const auto profile, body.text("profile", 64));
    SIGNET_ASSIGN(const auto validity, body.optional_text("validity", 16));
    service::IssueCertificate request{csr, profile, std::nullopt, nullptr};
    if (validity) {
        SIGNET_ASSIGN(request.validity, duration_of(*validity));
    }
    if (const auto* rule = exchange.rule(); rule != nullptr && rule->csr) request.constraints = &*rule->csr;
    return idempotent(services, exchange, [&](const Keep& keep) -> Answer {
        SIGNET_ASSIGN(const auto issued,
                      services.authorities.issue(
                          caller_of(exchange), exchange.parameter("label"), request,
                          [&](sqlite::Transaction& transaction, const service::IssuedCertificate& made) {
                              return keep(transaction, answer_of(made));
                          }));
        return answer_of(issued);
    });
}

Answer get_certificate(Services& services, Exchange& exchange) {
    const auto& ca = exchange.parameter("label");
    SIGNET_ASSIGN(const auto row, services.authorities.find(ca, exchange.parameter("serial")));
    SIGNET_ASSIGN(const auto certificate, pki::Certificate::parse(as_text(row.der)));
    const auto authorities = services.authorities.authorities();
    const auto authority = authorities->find(ca);
    JsonWriter json(8192);
    json.begin_object();
    json.member("certificate", certificate.pem());
    json.key("chain");
    json.begin_array();
    if (authority != authorities->end()) {
        for (const auto& pem : services.authorities.chain_of(authority->second, row.der))
            json.text(pem);
    }
    json.end_array();
    json.member("serial", certificate.serial());
    json.member("subject", row.subject);
    json.member("not_before", to_rfc3339(row.not_before));
    json.member("not_after", to_rfc3339(row.not_after));
    json.member("issued", to_rfc3339(row.issued));
    json.member("profile", row.profile);
    json.member("requester", row.requester);
    json.member("key", row.ca);
    json.member("version", row.ca_version);
    const bool expired = services.clock.now() >= row.not_after;
    json.member("state", row.revocation ? "revoked" : expired ? "expired" : "valid");
    if (row.revocation) {
        json.member("revoked_at", to_rfc3339(row.revocation->at));
        json.member("reason", pki::to_string(static_cast<pki::RevocationReason>(row.revocation->reason)));
    }
    json.end_object();
    return json_answer(json.take());
}

Answer revoke_certificate(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, optional_body(exchange));
    SIGNET_TRY(body.only({"reason"}));
    SIGNET_ASSIGN(const auto name, body.optional_text("reason", 32));
    const auto reason = pki::revocation_reason_from(name.value_or("unspecified"));
    if (!reason)
        return fail(ErrorCode::invalid_argument,
                    "reason: expected unspecified, keyCompromise, affiliationChanged, superseded, "
                    "cessationOfOperation, "
                    "certificateHold, privilegeWithdrawn, or removeFromCRL to end a hold");
    return idempotent(services, exchange, [&](const Keep&) -> Answer {
        const auto& serial = exchange.parameter("serial");
        SIGNET_ASSIGN(const auto sequence,
                      services.authorities.revoke(caller_of(exchange), exchange.parameter("label"), serial,
                                                  static_cast<sqlite::RevocationReason>(*reason)));
        JsonWriter json;
        json.begin_object();
        json.member("serial", serial);
        json.member("state", *reason == pki::RevocationReason::remove_from_crl ? "valid" : "revoked");
        json.member("reason", pki::to_string(*reason));
        json.member("audit", sequence);
        json.end_object();
        return json_answer(json.take());
    });
}

}  // namespace signet::api::native
