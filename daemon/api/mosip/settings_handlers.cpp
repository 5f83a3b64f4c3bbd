// What administrators set while the server runs: intervals, versions, banner, the encryption certificate.
#include "base/encoding.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/mosip/admin.h"
#include "daemon/api/mosip/handlers.h"
#include "hsm/pki/certificate.h"
#include "sqlite/mosip_settings_store.h"

namespace signet::api::mosip {
namespace {

namespace store = sqlite::mosip_settings_store;
using std::chrono::seconds;

struct Interval {
    std::string_view member;  // seconds
    std::chrono::milliseconds sqlite::MosipPolicy::* to;
    std::int64_t low;
    std::int64_t high;
};
constexpr std::int64_t kYear = 366 * std::int64_t{86'400};
constexpr Interval kIntervals[] = {
    {"snapshotValidity", &sqlite::MosipPolicy::snapshot_validity, 60, kYear},
    {"resyncWithin", &sqlite::MosipPolicy::resync_within, 60, 10 * kYear},
    {"rotateAfter", &sqlite::MosipPolicy::rotate_after, 60, 10 * kYear},
    {"certificateValidity", &sqlite::MosipPolicy::certificate_validity, 3600, 10 * kYear},
};
struct Text {
    std::string_view member;
    std::string sqlite::MosipPolicy::* to;
    std::size_t max_size;
};
constexpr Text kTexts[] = {
    {"minimumServiceVersion", &sqlite::MosipPolicy::minimum_version, 64},
    {"serviceDownloadURL", &sqlite::MosipPolicy::download_url, 1024},
    {"bannerMessage", &sqlite::MosipPolicy::banner, 1024},
};

std::string text_of(const sqlite::MosipPolicy& policy) {
    JsonWriter json(512);
    json.begin_object();
    for (const auto& interval : kIntervals)
        json.member(interval.member,
                    std::int64_t{std::chrono::duration_cast<seconds>(policy.*interval.to).count()});
    if (policy.rotate_issued_before)
        json.member("rotateIssuedBefore", to_rfc3339(*policy.rotate_issued_before));
    for (const auto& text : kTexts)
        json.member(text.member, policy.*text.to);
    json.end_object();
    return json.take();
}

Status read_into(const JsonObject& body, sqlite::MosipPolicy& policy) {
    SIGNET_TRY(
        body.only({"snapshotValidity", "resyncWithin", "rotateAfter", "certificateValidity",
                   "rotateIssuedBefore", "minimumServiceVersion", "serviceDownloadURL", "bannerMessage"}));
    for (const auto& interval : kIntervals) {
        SIGNET_ASSIGN(const auto value, body.optional_integer(interval.member, interval.low, interval.high));
        if (value) policy.*interval.to = seconds(*value);
    }
    for (const auto& text : kTexts) {
        SIGNET_ASSIGN(const auto value, body.optional_text(text.member, text.max_size));
        if (value) policy.*text.to = *value;
    }
    SIGNET_ASSIGN(const auto before, body.optional_text("rotateIssuedBefore", 64));
    if (before) {
        policy.rotate_issued_before = from_rfc3339(*before);
        if (!before->empty() && !policy.rotate_issued_before)
            return fail(ErrorCode::invalid_argument,
                        "rotateIssuedBefore: expected a time such as 2030-01-31T00:00:00Z, or an empty text");
    }
    if (policy.resync_within <= policy.snapshot_validity)
        return fail(ErrorCode::unprocessable,
                    "resyncWithin: expected more than snapshotValidity, or devices are de-registered "
                    "while their snapshot is valid");
    if (policy.rotate_after >= policy.certificate_validity)
        return fail(ErrorCode::unprocessable,
                    "rotateAfter: expected less than certificateValidity, or keys expire before they are "
                    "rotated");
    return {};
}

void write(JsonWriter& json, const sqlite::MosipEncryptionCertificate& certificate) {
    json.member("sha256", to_hex(certificate.fingerprint));
    json.member("thumbprint", to_base64url(certificate.fingerprint));
    if (const auto parsed = pki::Certificate::parse(as_text(certificate.der))) {
        json.member("subject", parsed->subject_text());
        json.member("not_after", to_rfc3339(parsed->not_after()));
    }
    json.member("set", to_rfc3339(certificate.added));
}

}  // namespace

Answer get_policy(Context& context, Exchange&) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto policy, store::policy(*db));
    return json_answer(text_of(policy));
}

Answer set_policy(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    std::string text;
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_ASSIGN(auto policy, store::policy(transaction.db()));
        const auto before = text_of(policy);
        SIGNET_TRY(read_into(body, policy));
        SIGNET_TRY(store::set_policy(transaction, policy));
        text = text_of(policy);
        return record(transaction, exchange, "mosip/policy",
                      service::Details().add("before", before).add("after", text));
    }));
    return json_answer(text);
}

Answer set_encryption_certificate(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"certificate"}));
    SIGNET_ASSIGN(const auto text, body.text("certificate", pki::kMaxCertificateSize));
    SIGNET_ASSIGN(const auto certificate, pki::Certificate::parse(text));
    const auto now = context.services.clock.now();
    if (certificate.public_key().type() != pki::KeyType::rsa)
        return fail(ErrorCode::unprocessable, "certificate: expected an RSA key: devices encrypt to it");
    if (now >= certificate.not_after())
        return fail(ErrorCode::unprocessable,
                    "certificate: it ended at " + to_rfc3339(certificate.not_after()));
    const sqlite::MosipEncryptionCertificate row{0, certificate.fingerprint(), certificate.der(), now};
    return idempotent(context.services, exchange, [&](const Keep& keep) -> Answer {
        JsonWriter json(512);
        json.begin_object();
        write(json, row);
        json.end_object();
        const auto response = json_answer(json.take(), 201);
        SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_TRY(store::add_encryption_certificate(transaction, row));
            SIGNET_TRY(record(transaction, exchange, "mosip/encryption",
                              service::Details()
                                  .add("sha256", to_hex(row.fingerprint))
                                  .add("subject", certificate.subject_text())));
            return keep(transaction, response);
        }));
        return response;
    });
}

Answer list_encryption_certificates(Context& context, Exchange&) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto rows, store::encryption_certificates(*db, 100));
    JsonWriter json(1024);
    json.begin_object();
    json.key("certificates");
    json.begin_array();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        json.begin_object();
        write(json, rows[i]);
        json.member("current", i == 0);
        json.end_object();
    }
    json.end_array();
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::mosip
