// Administration of device vendors; on the admin socket only.
#include <algorithm>

#include "base/encoding.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/mosip/admin.h"
#include "daemon/api/mosip/handlers.h"
#include "daemon/api/mosip/trust.h"
#include "daemon/service/details.h"

namespace signet::api::mosip {
namespace {

namespace store = sqlite::mosip_vendor_store;
constexpr std::size_t kMaxAnchors = 16;
constexpr std::size_t kMaxPem = std::size_t{48} << 10;

void write(JsonWriter& json, const sqlite::MosipVendor& vendor) {
    json.member("providerId", vendor.provider_id);
    json.member("name", vendor.name);
    json.member("state", vendor.disabled ? "disabled" : "active");
    json.member("created", to_rfc3339(vendor.created));
}

std::string object_of(const sqlite::MosipVendor& vendor) {
    return "mosip/vendor/" + vendor.provider_id;
}

// PEM, one or more. Only RSA keys sign what devices send, but roots may be of any kind.
Result<std::vector<sqlite::MosipAnchor>> anchors_in(std::string_view pem, SystemTime now) {
    SIGNET_ASSIGN(const auto bundle, pki::Certificate::parse_bundle(pem));
    std::vector<sqlite::MosipAnchor> out;
    for (const auto& certificate : bundle) {
        if (now >= certificate.not_after())
            return fail(ErrorCode::unprocessable,
                        "certificates: " + certificate.subject_text() + " has expired");
        out.push_back({certificate.fingerprint(), certificate.der(), now});
    }
    return out;
}

Status insert_anchors(sqlite::Transaction& transaction, std::int64_t vendor,
                      const std::vector<sqlite::MosipAnchor>& anchors) {
    SIGNET_ASSIGN(const auto before, store::anchors(transaction.db(), vendor));
    if (before.size() + anchors.size() > kMaxAnchors)
        return fail(ErrorCode::conflict, "a vendor has at most " + std::to_string(kMaxAnchors) +
                                             " certificates; remove one first");
    for (const auto& anchor : anchors)
        SIGNET_TRY(store::insert_anchor(transaction, vendor, anchor));
    return {};
}

std::string fingerprints(const std::vector<sqlite::MosipAnchor>& anchors) {
    std::string out;
    for (const auto& anchor : anchors)
        out += (out.empty() ? "" : ", ") + to_hex(anchor.fingerprint);
    return out;
}

Answer shown(Context& context, const std::string& provider_id, unsigned status = 200) {
    SIGNET_ASSIGN(const auto vendor, must_find_vendor(context, provider_id));
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto anchors, store::anchors(*db, vendor.id));
    JsonWriter json(1024);
    json.begin_object();
    write(json, vendor);
    json.key("certificates");
    json.begin_array();
    for (const auto& anchor : anchors) {
        json.begin_object();
        json.member("sha256", to_hex(anchor.fingerprint));
        if (const auto certificate = pki::Certificate::parse(as_text(anchor.der))) {
            json.member("subject", certificate->subject_text());
            json.member("not_after", to_rfc3339(certificate->not_after()));
        }
        json.member("added", to_rfc3339(anchor.added));
        json.end_object();
    }
    json.end_array();
    json.end_object();
    return json_answer(json.take(), status);
}

Answer set_disabled(Context& context, Exchange& exchange, bool disabled) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(const auto vendor, must_find_vendor(context, exchange.parameter("providerId")));
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        const auto since = disabled ? std::optional(context.services.clock.now()) : std::nullopt;
        SIGNET_TRY(store::set_disabled(transaction, vendor.id, since));
        return record(transaction, exchange, object_of(vendor),
                      service::Details().add("change", disabled ? "disable" : "enable"));
    }));
    return shown(context, vendor.provider_id);
}

}  // namespace

Answer create_vendor(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"providerId", "name", "certificates"}));
    sqlite::MosipVendor vendor;
    SIGNET_ASSIGN(const auto provider_id, body.text("providerId", 128));
    SIGNET_TRY(check_name("providerId", provider_id));
    SIGNET_ASSIGN(const auto name, body.text("name", 200));
    SIGNET_ASSIGN(const auto pem, body.text("certificates", kMaxPem));
    vendor.provider_id = provider_id;
    vendor.name = name;
    vendor.created = context.services.clock.now();
    SIGNET_ASSIGN(const auto anchors, anchors_in(pem, vendor.created));
    return idempotent(context.services, exchange, [&](const Keep&) -> Answer {
        SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_ASSIGN(const auto id, store::insert(transaction, vendor));
            SIGNET_TRY(insert_anchors(transaction, id, anchors));
            return record(transaction, exchange, object_of(vendor),
                          service::Details()
                              .add("change", "create")
                              .add("name", vendor.name)
                              .add("certificates", fingerprints(anchors)));
        }));
        return shown(context, vendor.provider_id, 201);
    });
}

Answer list_vendors(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto page, page_of(exchange, 1000));
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto rows, store::list(*db, page.after, page.limit + 1));
    return list_answer("vendors", page, rows,
                       [](JsonWriter& json, const sqlite::MosipVendor& vendor) { write(json, vendor); });
}

Answer get_vendor(Context& context, Exchange& exchange) {
    return shown(context, exchange.parameter("providerId"));
}

Answer disable_vendor(Context& context, Exchange& exchange) {
    return set_disabled(context, exchange, true);
}

Answer enable_vendor(Context& context, Exchange& exchange) {
    return set_disabled(context, exchange, false);
}

Answer add_certificates(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"certificates"}));
    SIGNET_ASSIGN(const auto pem, body.text("certificates", kMaxPem));
    SIGNET_ASSIGN(const auto anchors, anchors_in(pem, context.services.clock.now()));
    SIGNET_ASSIGN(const auto vendor, must_find_vendor(context, exchange.parameter("providerId")));
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(insert_anchors(transaction, vendor.id, anchors));
        return record(
            transaction, exchange, object_of(vendor),
            service::Details().add("change", "add certificates").add("certificates", fingerprints(anchors)));
    }));
    return shown(context, vendor.provider_id, 201);
}

Answer remove_certificate(Context& context, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(const auto vendor, must_find_vendor(context, exchange.parameter("providerId")));
    SIGNET_ASSIGN(const auto fingerprint, from_hex(exchange.parameter("sha256")));
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(store::erase_anchor(transaction, vendor.id, fingerprint));
        return record(
            transaction, exchange, object_of(vendor),
            service::Details().add("change", "remove certificate").add("certificates", to_hex(fingerprint)));
    }));
    return shown(context, vendor.provider_id);
}

}  // namespace signet::api::mosip
