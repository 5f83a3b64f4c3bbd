#include "daemon/service/signing.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "daemon/service/audited_operation.h"
#include "hsm/pki/public_key.h"
#include "hsm/pki/signature.h"

namespace signet::service {
namespace {

// Built by hand: names and digests need no escaping, and this is the hot path.
std::string details_of(std::string_view algorithm, std::string_view digest) {
    std::string out;
    out.reserve(24 + algorithm.size() + digest.size());
    out.append(R"({"alg":")").append(algorithm).append(R"(","digest":")").append(digest).append(R"("})");
    return out;
}

sqlite::AuditRecord record_of(std::string_view action, const Caller& caller, const KeyVersion& key,
                              std::string details) {
    sqlite::AuditRecord record;
    record.request_id = caller.request_id;
    record.principal = caller.principal;
    record.action = action;
    record.object = to_string(key.id);
    record.outcome = "ok";
    record.details = std::move(details);
    return record;
}

Status check_fits(const KeyVersion& key, SignAlgorithm algorithm) {
    if (fits(algorithm, key.algorithm)) return {};
    return fail(ErrorCode::unprocessable, std::string(to_string(algorithm)) + " does not fit the key " +
                                              to_string(key.id) + ", which is " +
                                              std::string(to_string(key.algorithm)));
}

void count_use(const KeyVersion& key, std::uint64_t uses = 1) {
    key.new_uses->fetch_add(uses, std::memory_order_relaxed);
}

}  // namespace

Result<SignInput> input_of_data(SignAlgorithm algorithm, Bytes data) {
    if (data.size() > kMaxMessage)
        return fail(ErrorCode::too_large, "data to sign may have 1 MiB; send its digest instead");
    if (const auto hash = hash_of(algorithm)) {
        auto hashed = digest(*hash, data);
        auto hex = to_hex(hashed);
        return SignInput{std::move(hashed), std::move(hex)};
    }
    auto hex = to_hex(digest(HashAlgorithm::sha512, data));
    return SignInput{std::move(data), std::move(hex)};
}

Result<SignInput> input_of_digest(SignAlgorithm algorithm, Bytes digest) {
    SIGNET_TRY(pki::check_digest(algorithm, digest));
    auto hex = to_hex(digest);
    return SignInput{std::move(digest), std::move(hex)};
}

Result<SignAlgorithm> choose_algorithm(const KeyVersion& key, std::optional<std::string_view> name) {
    if (!name) {
        if (const auto algorithm = default_sign_algorithm(key.algorithm)) return *algorithm;
        return fail(ErrorCode::unprocessable, "the key " + to_string(key.id) + " does not sign");
    }
    const auto algorithm = sign_algorithm_from(*name);
    if (!algorithm)
        return fail(
            ErrorCode::invalid_argument,
            "algorithm: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA");
    SIGNET_TRY(check_fits(key, *algorithm));
    return *algorithm;
}

Result<MacAlgorithm> choose_mac_algorithm(const KeyVersion& key, std::optional<std::string_view> name) {
    const auto algorithm = mac_algorithm_from(name.value_or("HS256"));
    if (!algorithm)
        return fail(ErrorCode::invalid_argument, "algorithm: expected one of HS256, HS384, HS512");
    if (!fits(*algorithm, key.algorithm))
        return fail(ErrorCode::unprocessable, std::string(to_string(*algorithm)) + " does not fit the key " +
                                                  to_string(key.id) + ", which is " +
                                                  std::string(to_string(key.algorithm)));
    return *algorithm;
}

// A per-key rule of the token said no to a caller the policy let through: that belongs into the chain. Best effort, because
// nothing is released anyway.
void Signing::record_refusal(std::string_view action, const Caller& caller, const KeyVersion& key,
                             const Error& error) {
    if (error.code != ErrorCode::token_refused) return;
    auto record = record_of(action, caller, key, {});
    record.outcome = "refused";
    parts_.writer.append_async(std::move(record), [](const Result<std::uint64_t>&) {});
}

namespace {

// What the token is asked, once the record is at hand.
auto start_sign(TokenInterface& token, const KeyVersion& key, SignAlgorithm algorithm, SignInput& input,
                Deadline deadline) {
    return
        [&token, deadline, request = SignRequest{key.id, algorithm, KeyUsage::sign, std::move(input.bytes)}](
            AuditedOperation::Done done) mutable {
            token.sign_async(std::move(request), deadline, std::move(done));
        };
}

auto start_mac(TokenInterface& token, const KeyVersion& key, MacAlgorithm algorithm, Bytes data,
               Deadline deadline) {
    return [&token, deadline,
            request = MacRequest{key.id, algorithm, std::move(data)}](AuditedOperation::Done done) mutable {
        token.mac_async(std::move(request), deadline, std::move(done));
    };
}

Result<Signature> signature_of(const KeyVersion& key, Result<Audited> made) {
    if (!made) return std::unexpected(std::move(made).error());
    count_use(key);
    return Signature{std::move(made->value), made->audit};
}

AuditedOperation::Finished telling(const KeyPtr& key, Signing::Finished finished) {
    return [key, finished = std::move(finished)](Result<Audited> made) mutable {
        finished(signature_of(*key, std::move(made)));
    };
}

Status check_mac_data(const Bytes& data) {
    if (data.size() <= kMaxMessage) return {};
    return fail(ErrorCode::too_large, "data to authenticate may have 1 MiB");
}

sqlite::AuditRecord mac_record(const Caller& caller, const KeyVersion& key, MacAlgorithm algorithm,
                               const Bytes& data) {
    return record_of("keys.mac", caller, key, details_of(to_string(algorithm), to_hex(sha256(data))));
}

}  // namespace

Result<Signature> Signing::sign_as(std::string_view action, const Caller& caller, const KeyPtr& key,
                                   SignAlgorithm algorithm, SignInput input) {
    SIGNET_TRY(check_fits(*key, algorithm));
    auto record = record_of(action, caller, *key, details_of(to_string(algorithm), input.digest));
    return signature_of(
        *key, AuditedOperation::run(parts_.writer, caller, std::move(record),
                                    start_sign(parts_.token, *key, algorithm, input, caller.deadline)));
}

void Signing::begin_sign(const Caller& caller, const KeyPtr& key, SignAlgorithm algorithm, SignInput input,
                         Finished finished) {
    if (auto checked = check_fits(*key, algorithm); !checked)
        return finished(std::unexpected(std::move(checked).error()));
    auto record = record_of("keys.sign", caller, *key, details_of(to_string(algorithm), input.digest));
    AuditedOperation::begin(parts_.writer, caller, std::move(record),
                            start_sign(parts_.token, *key, algorithm, input, caller.deadline),
                            telling(key, std::move(finished)));
}

void Signing::begin_mac(const Caller& caller, const KeyPtr& key, MacAlgorithm algorithm, Bytes data,
                        Finished finished) {
    if (auto checked = check_mac_data(data); !checked)
        return finished(std::unexpected(std::move(checked).error()));
    auto record = mac_record(caller, *key, algorithm, data);
    AuditedOperation::begin(parts_.writer, caller, std::move(record),
                            start_mac(parts_.token, *key, algorithm, std::move(data), caller.deadline),
                            telling(key, std::move(finished)));
}

Result<Signature> Signing::sign(const Caller& caller, const KeyPtr& key, SignAlgorithm algorithm,
                                SignInput input) {
    return sign_as("keys.sign", caller, key, algorithm, std::move(input));
}

Result<Signatures> Signing::sign_batch(const Caller& caller, const KeyPtr& key, SignAlgorithm algorithm,
                                       std::vector<SignInput> inputs) {
    SIGNET_TRY(check_fits(*key, algorithm));
    SignBatchRequest request{key->id, algorithm, KeyUsage::sign, {}};
    std::string details = R"({"alg":")" + std::string(to_string(algorithm)) + R"(","digests":[)";
    details.reserve(details.size() + inputs.size() * 132);
    request.inputs.reserve(inputs.size());
    for (auto& input : inputs) {
        if (!request.inputs.empty()) details += ',';
        details.append("\"").append(input.digest).append("\"");
        request.inputs.push_back(std::move(input.bytes));
    }
    details += "]}";
    auto signatures = parts_.token.sign_batch(request, caller.deadline);
    if (!signatures) {
        record_refusal("keys.sign", caller, *key, signatures.error());
        return std::unexpected(std::move(signatures).error());
    }
    SIGNET_ASSIGN(
        const auto sequence,
        append_record(parts_.writer, caller, record_of("keys.sign", caller, *key, std::move(details))));
    count_use(*key, request.inputs.size());
    return Signatures{*std::move(signatures), sequence};
}

Result<Signature> Signing::mac(const Caller& caller, const KeyPtr& key, MacAlgorithm algorithm, Bytes data) {
    SIGNET_TRY(check_mac_data(data));
    auto record = mac_record(caller, *key, algorithm, data);
    return signature_of(*key, AuditedOperation::run(parts_.writer, caller, std::move(record),
                                                    start_mac(parts_.token, *key, algorithm, std::move(data),
                                                              caller.deadline)));
}

Result<Plaintext> Signing::decrypt(const Caller& caller, const KeyPtr& key, HashAlgorithm oaep_hash,
                                   Bytes ciphertext, Bytes label) {
    if (!is_rsa(key->algorithm))
        return fail(ErrorCode::unprocessable, "the key " + to_string(key->id) + " is not an RSA key");
    const auto digest_hex = to_hex(sha256(ciphertext));
    DecryptRequest request{key->id, oaep_hash, oaep_hash, std::move(label), std::move(ciphertext)};
    auto plaintext = parts_.token.decrypt(request, caller.deadline);
    if (!plaintext) {
        record_refusal("keys.decrypt", caller, *key, plaintext.error());
        return std::unexpected(std::move(plaintext).error());
    }
    const auto* const name = oaep_hash == HashAlgorithm::sha1 ? "RSA-OAEP" : "RSA-OAEP-256";
    SIGNET_ASSIGN(const auto sequence,
                  append_record(parts_.writer, caller,
                                record_of("keys.decrypt", caller, *key, details_of(name, digest_hex))));
    count_use(*key);
    return Plaintext{*std::move(plaintext), sequence};
}

Result<bool> Signing::verify(const KeyPtr& key, SignAlgorithm algorithm, ByteView data, ByteView signature) {
    SIGNET_ASSIGN(const auto public_key, pki::PublicKey::from_spki(key->public_key));
    return pki::verify(public_key, algorithm, data, signature);
}

Result<bool> Signing::verify_digest(const KeyPtr& key, SignAlgorithm algorithm, ByteView digest,
                                    ByteView signature) {
    SIGNET_ASSIGN(const auto public_key, pki::PublicKey::from_spki(key->public_key));
    return pki::verify_digest(public_key, algorithm, digest, signature);
}

Result<bool> Signing::mac_verify(const Caller& caller, const KeyPtr& key, MacAlgorithm algorithm, Bytes data,
                                 ByteView mac) {
    if (data.size() > kMaxMessage) return fail(ErrorCode::too_large, "data to authenticate may have 1 MiB");
    return parts_.token.mac_verify({key->id, algorithm, std::move(data)}, mac, caller.deadline);
}

}  // namespace signet::service
