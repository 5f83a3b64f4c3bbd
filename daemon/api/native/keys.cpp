#include "daemon/service/keys.h"
#include "daemon/api/json.h"
#include "daemon/api/native/handlers.h"
#include "daemon/service/attestation.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/public_key.h"

namespace signet::api::native {
namespace {

// For reading attributes: the rest of the answer needs no token.
constexpr std::chrono::seconds kTokenTime{2};

void write_usages(JsonWriter& json, KeyUsages usages) {
    json.key("usages");
    json.begin_array();
    for (std::uint16_t bit = 1; bit != 0; bit = static_cast<std::uint16_t>(bit << 1)) {
        if ((usages.bits() & bit) != 0) json.text(to_string(static_cast<KeyUsage>(bit)));
    }
    json.end_array();
}

void write_summary(JsonWriter& json, const service::Key& key) {
    const auto& shown = key.shown();
    json.member("label", key.label);
    json.member("algorithm", to_string(shown.algorithm));
    write_usages(json, shown.usages);
    json.member("version", shown.id.version);
    json.member("state", shown.state_name());
}

std::string public_pem(const service::KeyVersion& version) {
    const auto key = pki::PublicKey::from_spki(version.public_key);
    return key ? key->pem() : std::string();
}

std::string certificate_pem(const Services& services, const service::KeyVersion& version) {
    const auto der = services.keys.certificate(version.id);
    if (!der) return {};
    const auto certificate = pki::Certificate::parse(as_text(*der));
    return certificate ? certificate->pem() : std::string();
}

// As the token reports them now; left out where it does not answer.
void write_attributes(JsonWriter& json, const KeyAttributes& attributes) {
    json.key("attributes");
    json.begin_object();
    json.member("CKA_SENSITIVE", attributes.sensitive);
    json.member("CKA_ALWAYS_SENSITIVE", attributes.always_sensitive);
    json.member("CKA_EXTRACTABLE", attributes.extractable);
    json.member("CKA_NEVER_EXTRACTABLE", attributes.never_extractable);
    json.member("CKA_LOCAL", attributes.local);
    json.end_object();
}

void write_version(JsonWriter& json, const service::KeyVersion& version, TokenInterface& token,
                   Deadline deadline) {
    json.begin_object();
    json.member("version", version.id.version);
    json.member("state", version.state_name());
    json.member("algorithm", to_string(version.algorithm));
    json.member("created", to_rfc3339(version.created));
    json.member("created_by", version.created_by);
    if (version.activated) json.member("activated", to_rfc3339(*version.activated));
    if (version.not_after) json.member("not_after", to_rfc3339(*version.not_after));
    json.member("uses", version.uses + version.new_uses->load(std::memory_order_relaxed));
    if (!version.public_key.empty()) json.member("public_key", public_pem(version));
    if (version.available && version.state != service::KeyState::destroyed) {
        if (const auto info = token.find_key(version.id, deadline)) write_attributes(json, info->attributes);
    }
    json.end_object();
}

}  // namespace

Answer list_keys(Services& services, Exchange&) {
    JsonWriter json(4096);
    json.begin_object();
    json.key("keys");
    json.begin_array();
    const auto registry = services.keys.registry();
    for (const auto& key : registry->keys()) {
        if (key->shown().state == service::KeyState::destroyed) continue;
        json.begin_object();
        write_summary(json, *key);
        json.end_object();
    }
    json.end_array();
    json.end_object();
    return json_answer(json.take());
}

Answer get_key(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto key, services.keys.find(exchange.parameter("label")));
    JsonWriter json(4096);
    json.begin_object();
    write_summary(json, *key);
    const auto& shown = key->shown();
    if (!shown.public_key.empty()) json.member("public_key", public_pem(shown));
    const auto deadline = Deadline::in(kTokenTime);
    json.key("versions");
    json.begin_array();
    for (const auto& version : key->versions)
        write_version(json, version, services.token, deadline);
    json.end_array();
    if (const auto pem = certificate_pem(services, shown); !pem.empty()) json.member("certificate", pem);
    json.end_object();
    return json_answer(json.take());
}

Answer attest_key(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, optional_body(exchange));
    SIGNET_TRY(body.only({"version"}));
    SIGNET_ASSIGN(const auto version, body.optional_integer("version", 1, 1'000'000));
    const auto number = version ? std::optional(static_cast<std::uint32_t>(*version)) : std::nullopt;
    SIGNET_ASSIGN(const auto attestation,
                  service::attest(services.token, services.keys, services.audit, caller_of(exchange),
                                  exchange.parameter("label"), number));
    return json_answer(service::to_json(attestation), 201);
}

}  // namespace signet::api::native
