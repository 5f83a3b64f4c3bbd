#include "daemon/service/attestation.h"

#include <boost/json.hpp>

#include "base/encoding.h"
#include "hsm/pki/signature.h"
#include "sqlite/audit_record.h"

namespace signet::service {
namespace {

namespace json = boost::json;

constexpr std::string_view kFormat = "signet-attestation-1";

std::unexpected<Error> malformed() {
    return fail(ErrorCode::invalid_argument, "this is no attestation as `signetctl keys attest` writes it");
}

std::string text_of(const json::object& object, std::string_view member) {
    const auto* const value = object.if_contains(member);
    return value != nullptr && value->is_string() ? std::string(value->get_string().c_str()) : std::string();
}

std::int64_t number_of(const json::object& object, std::string_view member) {
    const auto* const value = object.if_contains(member);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

Result<std::string> statement_of(TokenInterface& token, const KeyVersion& version, Deadline deadline) {
    json::object out{{"key", version.id.label}, {"version", version.id.version}};
    const auto info = token.find_key(version.id, deadline);
    if (!info && info.error().code != ErrorCode::not_found) return std::unexpected(info.error());
    out["present"] = info.has_value();
    out["state"] = std::string(version.state_name());
    if (info) {
        out["algorithm"] = std::string(to_string(info->algorithm));
        out["usages"] = to_string(info->usages);
        const auto& attributes = info->attributes;
        out["CKA_SENSITIVE"] = attributes.sensitive;
        out["CKA_ALWAYS_SENSITIVE"] = attributes.always_sensitive;
        out["CKA_EXTRACTABLE"] = attributes.extractable;
        out["CKA_NEVER_EXTRACTABLE"] = attributes.never_extractable;
        out["CKA_LOCAL"] = attributes.local;
    }
    const auto& public_key = info ? info->public_key : version.public_key;
    if (!public_key.empty()) out["public_key_sha256"] = to_hex(sha256(public_key));
    SIGNET_ASSIGN(const auto status, token.status(deadline));
    out["token"] = json::object{{"label", status.label},
                                {"serial", status.serial},
                                {"manufacturer", status.manufacturer},
                                {"model", status.model}};
    return json::serialize(out);
}

std::string pem_of(const Bytes& spki) {
    const auto key = pki::PublicKey::from_spki(spki);
    return key ? key->pem() : std::string();
}

}  // namespace

Result<Attestation> attest(TokenInterface& token, const Keys& keys, Audit& audit, const Caller& caller,
                           std::string_view label, std::optional<std::uint32_t> version) {
    SIGNET_ASSIGN(const auto key, keys.find(label));
    const auto* const found = version ? key->find(*version) : &key->shown();
    if (found == nullptr)
        return fail(ErrorCode::not_found,
                    "no key '" + std::string(label) + "' with version " + std::to_string(*version));
    Attestation out;
    SIGNET_ASSIGN(out.statement, statement_of(token, *found, caller.deadline));
    sqlite::AuditRecord record;
    record.request_id = caller.request_id;
    record.principal = caller.principal;
    record.action = "keys.attest";
    record.object = to_string(found->id);
    record.outcome = "ok";
    record.details = out.statement;
    SIGNET_ASSIGN(out.record, audit.append_signed(std::move(record), caller.deadline));
    out.public_key = pem_of(found->public_key);
    const auto& checkpoint = out.record.checkpoint;
    SIGNET_ASSIGN(const auto audit_key, keys.find(checkpoint.key_label));
    if (const auto* const signer = audit_key->find(checkpoint.key_version))
        out.audit_public_key = pem_of(signer->public_key);
    return out;
}

std::string to_json(const Attestation& attestation) {
    const auto& record = attestation.record.record;
    const auto& checkpoint = attestation.record.checkpoint;
    const json::object out{
        {"format", kFormat},
        {"previous_hash", to_hex(attestation.record.previous)},
        {"record", json::object{{"seq", record.sequence},
                                {"time_ms", record.time_ms},
                                {"request_id", record.request_id},
                                {"principal", record.principal},
                                {"action", record.action},
                                {"object", record.object},
                                {"outcome", record.outcome},
                                {"details", record.details}}},
        {"hash", to_hex(checkpoint.head.hash)},
        // For openssl: what is signed, and the signature.
        {"message", to_base64(checkpoint_message(checkpoint.head.sequence, checkpoint.head.hash))},
        {"signature", to_base64(checkpoint.signature)},
        {"algorithm", checkpoint.algorithm},
        {"audit_key", checkpoint.key_label + "/" + std::to_string(checkpoint.key_version)},
        {"audit_public_key", attestation.audit_public_key},
        {"public_key", attestation.public_key}};
    return json::serialize(out) + "\n";
}

Result<VerifiedAttestation> verify_attestation(std::string_view text, const pki::PublicKey& audit_key) {
    boost::system::error_code failure;
    const auto value = json::parse(json::string_view(text.data(), text.size()), failure);
    const auto* const object = failure ? nullptr : value.if_object();
    if (object == nullptr || text_of(*object, "format") != kFormat) return malformed();
    const auto* const member = object->if_contains("record");
    const auto* const fields = member == nullptr ? nullptr : member->if_object();
    const auto previous_hash = from_hex(text_of(*object, "previous_hash"));
    const auto signature = from_base64(text_of(*object, "signature"));
    const auto algorithm = sign_algorithm_from(text_of(*object, "algorithm"));
    if (fields == nullptr || !previous_hash || previous_hash->size() != Sha256{}.size() || !signature ||
        !algorithm)
        return malformed();
    sqlite::AuditRecord record;
    record.sequence = static_cast<std::uint64_t>(number_of(*fields, "seq"));
    record.time_ms = number_of(*fields, "time_ms");
    record.request_id = text_of(*fields, "request_id");
    record.principal = text_of(*fields, "principal");
    record.action = text_of(*fields, "action");
    record.object = text_of(*fields, "object");
    record.outcome = text_of(*fields, "outcome");
    record.details = text_of(*fields, "details");
    Sha256 previous{};
    std::ranges::copy(*previous_hash, previous.begin());
    const auto hash = sqlite::chain_hash(previous, record);
    SIGNET_ASSIGN(const auto valid,
                  pki::verify(audit_key, *algorithm, checkpoint_message(record.sequence, hash), *signature));
    if (!valid)
        return fail(ErrorCode::unprocessable,
                    "this attestation was changed, or signed by another key than the one named");
    if (record.action != "keys.attest" || record.outcome != "ok")
        return fail(ErrorCode::unprocessable, "what was signed is another record of the audit chain");
    return VerifiedAttestation{record.details, from_unix_ms(record.time_ms), text_of(*object, "audit_key")};
}

}  // namespace signet::service
