#include "tests/support/software_token.h"

#include <openssl/x509.h>

#include <cstdio>
#include <cstdlib>

#include "base/random.h"
#include "base/wire.h"
#include "tests/support/software_crypto.h"

namespace signet::testing {
namespace {

using provider::PkeyPtr;

Bytes binding_bytes(const KeyBinding& binding, ByteView blob) {
    WireWriter writer;
    writer.text(binding.owner);
    writer.text(binding.key_class);
    writer.number(binding.index);
    writer.number(binding.version);
    writer.number(static_cast<std::uint8_t>(binding.algorithm));
    writer.number(binding.usages.bits());
    writer.bytes(blob);
    return writer.take();
}

Status check_deadline(Deadline deadline) {
    if (deadline.left().count() > 0) return {};
    return fail(ErrorCode::deadline_exceeded, "the token did not answer in time");
}

bool is_signing(KeyUsage usage) {
    return usage == KeyUsage::sign || usage == KeyUsage::certify || usage == KeyUsage::tls;
}

}  // namespace

SoftwareToken::SoftwareToken() = default;
SoftwareToken::~SoftwareToken() {
    for (auto& [id, key] : keys_)
        wipe(key.secret);
}

void SoftwareToken::set_fault(Fault fault) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
}

void SoftwareToken::set_unavailable(bool unavailable) {
    if (!unavailable) return set_fault({});
    set_fault([](std::string_view) {
        return Error{ErrorCode::token_unavailable, "the token is not available, try again", "software token",
                     std::chrono::seconds{1}};
    });
}

KeyInfo SoftwareToken::make(std::string label, KeyAlgorithm algorithm, KeyUsages usages,
                            std::uint32_t version) {
    auto info =
        generate_key({{std::move(label), version}, algorithm, usages}, Deadline::in(std::chrono::minutes{1}));
    if (!info) {
        std::fprintf(stderr, "software token: %s\n", info.error().message.c_str());
        std::abort();
    }
    return *std::move(info);
}

Status SoftwareToken::begin(std::string_view operation, Deadline deadline) {
    ++operations_;
    SIGNET_TRY(check_deadline(deadline));
    Fault fault;
    {
        const std::lock_guard lock(mutex_);
        fault = fault_;
    }
    // Outside the lock: a fault may block, or ask the token itself.
    if (fault) {
        if (auto error = fault(operation)) return std::unexpected(*std::move(error));
    }
    return {};
}

Result<SoftwareToken::Key> SoftwareToken::find(const KeyId& id, KeyUsage usage) {
    const std::lock_guard lock(mutex_);
    const auto found = keys_.find(id);
    if (found == keys_.end()) return fail(ErrorCode::not_found, "no key " + to_string(id) + " in the token");
    if (!found->second.info.usages.has(usage))
        return fail(ErrorCode::token_refused,
                    "the key " + to_string(id) + " may not be used for " + std::string(to_string(usage)));
    return found->second;
}

Result<SoftwareToken::Key> SoftwareToken::resolve(const KeySelector& selector, KeyUsage usage) {
    if (const auto* id = std::get_if<KeyId>(&selector)) return find(*id, usage);
    auto key = unwrap(std::get<WrappedKey>(selector));
    if (key && !key->info.usages.has(usage))
        return fail(ErrorCode::token_refused,
                    "the wrapped key may not be used for " + std::string(to_string(usage)));
    return key;
}

Result<TokenStatus> SoftwareToken::status(Deadline deadline) {
    SIGNET_TRY(begin("status", deadline));
    TokenStatus status;
    status.label = "software";
    status.serial = "0001";
    status.manufacturer = "signet tests";
    status.model = "software token";
    status.module = "none";
    status.quirks = "none";
    const std::lock_guard lock(mutex_);
    status.keys = static_cast<std::uint32_t>(keys_.size());
    return status;
}

Result<std::vector<KeyInfo>> SoftwareToken::list_keys(Deadline deadline) {
    SIGNET_TRY(begin("list_keys", deadline));
    const std::lock_guard lock(mutex_);
    std::vector<KeyInfo> out;
    for (const auto& [id, key] : keys_)
        out.push_back(key.info);
    return out;
}

Result<KeyInfo> SoftwareToken::find_key(const KeyId& id, Deadline deadline) {
    SIGNET_TRY(begin("find_key", deadline));
    const std::lock_guard lock(mutex_);
    const auto found = keys_.find(id);
    if (found == keys_.end()) return fail(ErrorCode::not_found, "no key " + to_string(id) + " in the token");
    return found->second.info;
}

Result<KeyInfo> SoftwareToken::generate_key(const GenerateKeyRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("generate_key", deadline));
    SIGNET_TRY(check_label(request.id.label));
    SIGNET_TRY(check_usages(request.algorithm, request.usages));
    if (request.usages.has(KeyUsage::payment))
        return fail(ErrorCode::invalid_argument, "a key of usage payment is imported");
    if (request.id.version == 0) return fail(ErrorCode::invalid_argument, "key versions count from 1");
    Key key;
    key.info = {request.id,
                request.algorithm,
                request.usages,
                {true, !request.extractable, request.extractable, !request.extractable, true},
                {}};
    if (is_asymmetric(request.algorithm)) {
        key.pair = generate_pair(request.algorithm);
        key.info.public_key = spki_of(key.pair.get());
    } else {
        key.secret = random_bytes(secret_size(request.algorithm));
    }
    const std::lock_guard lock(mutex_);
    const auto [place, inserted] = keys_.emplace(request.id, std::move(key));
    if (!inserted)
        return fail(ErrorCode::already_exists, "the key " + to_string(request.id) + " exists already");
    return place->second.info;
}

Status SoftwareToken::destroy_key(const KeyId& id, Deadline deadline) {
    SIGNET_TRY(begin("destroy_key", deadline));
    const std::lock_guard lock(mutex_);
    if (keys_.erase(id) == 0) return fail(ErrorCode::not_found, "no key " + to_string(id) + " in the token");
    return {};
}

Status SoftwareToken::forget_key(const KeyId& id, Deadline deadline) {
    SIGNET_TRY(begin("forget_key", deadline));
    (void)id;
    return {};
}

Result<Bytes> SoftwareToken::sign(const SignRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("sign", deadline));
    if (!is_signing(request.purpose)) return fail(ErrorCode::token_refused, "not a purpose of signatures");
    SIGNET_ASSIGN(const auto key, resolve(request.key, request.purpose));
    if (!fits(request.algorithm, key.info.algorithm))
        return fail(ErrorCode::invalid_argument, "the algorithm does not fit the key");
    return sign_with(key.pair.get(), request.algorithm, request.input);
}

Result<std::vector<Bytes>> SoftwareToken::sign_batch(const SignBatchRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("sign_batch", deadline));
    if (request.inputs.size() > 1000) return fail(ErrorCode::too_large, "a batch has 1,000 items at most");
    if (!is_signing(request.purpose)) return fail(ErrorCode::token_refused, "not a purpose of signatures");
    SIGNET_ASSIGN(const auto key, resolve(request.key, request.purpose));
    if (!fits(request.algorithm, key.info.algorithm))
        return fail(ErrorCode::invalid_argument, "the algorithm does not fit the key");
    std::vector<Bytes> out;
    for (const auto& input : request.inputs) {
        SIGNET_ASSIGN(auto signature, sign_with(key.pair.get(), request.algorithm, input));
        out.push_back(std::move(signature));
    }
    return out;
}

Result<Bytes> SoftwareToken::mac(const MacRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("mac", deadline));
    SIGNET_ASSIGN(const auto key, resolve(request.key, KeyUsage::mac));
    if (!fits(request.algorithm, key.info.algorithm))
        return fail(ErrorCode::invalid_argument, "the algorithm does not fit the key");
    if (request.data.size() > (std::size_t{1} << 20))
        return fail(ErrorCode::too_large, "the data is over 1 MiB");
    return hmac(hash_of(request.algorithm), key.secret, request.data);
}

Result<bool> SoftwareToken::mac_verify(const MacRequest& request, ByteView mac, Deadline deadline) {
    SIGNET_TRY(begin("mac_verify", deadline));
    SIGNET_ASSIGN(const auto key, resolve(request.key, KeyUsage::mac));
    if (!fits(request.algorithm, key.info.algorithm))
        return fail(ErrorCode::invalid_argument, "the algorithm does not fit the key");
    return equal_constant_time(hmac(hash_of(request.algorithm), key.secret, request.data), mac);
}

Result<Secret> SoftwareToken::decrypt(const DecryptRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("decrypt", deadline));
    SIGNET_ASSIGN(const auto key, resolve(request.key, KeyUsage::decrypt));
    return decrypt_oaep(key.pair.get(), request);
}

Result<Bytes> SoftwareToken::random(std::size_t size, Deadline deadline) {
    SIGNET_TRY(begin("random", deadline));
    if (size > 4096) return fail(ErrorCode::too_large, "at most 4096 random bytes at once");
    return random_bytes(size);
}

Result<Bytes> SoftwareToken::seal(const SealRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("seal", deadline));
    SIGNET_ASSIGN(const auto key, find(request.key, KeyUsage::seal));
    if (request.associated_data.size() > 1024 || request.plaintext.size() > 64 * 1024)
        return fail(ErrorCode::too_large, "at most 64 KiB can be sealed");
    return gcm_seal(key.secret, request.associated_data, request.plaintext);
}

Result<Secret> SoftwareToken::unseal(const UnsealRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("unseal", deadline));
    SIGNET_ASSIGN(const auto key, find(request.key, KeyUsage::seal));
    if (auto opened = gcm_open(key.secret, request.associated_data, request.sealed))
        return *std::move(opened);
    return fail(ErrorCode::token_refused, "the sealed data does not open");
}

Result<WrappedKey> SoftwareToken::wrap(const Key& key, const KeyId& wrapping_key, const KeyId& binding_key,
                                       const KeyBinding& binding) {
    SIGNET_ASSIGN(const auto wrapping, find(wrapping_key, KeyUsage::wrap));
    SIGNET_ASSIGN(const auto bind, find(binding_key, KeyUsage::bind));
    Bytes plain = key.secret;
    if (key.pair) {
        unsigned char* der = nullptr;
        const int size = i2d_PrivateKey(key.pair.get(), &der);
        plain.assign(der, der + size);
        OPENSSL_clear_free(der, static_cast<std::size_t>(size));
    }
    WrappedKey out{wrapping_key, binding_key, binding, gcm_seal(wrapping.secret, {}, plain), {}};
    wipe(plain);
    out.mac = hmac(HashAlgorithm::sha256, bind.secret, binding_bytes(binding, out.blob));
    return out;
}

Result<SoftwareToken::Key> SoftwareToken::unwrap(const WrappedKey& wrapped) {
    SIGNET_ASSIGN(const auto wrapping, find(wrapped.wrapping_key, KeyUsage::wrap));
    SIGNET_ASSIGN(const auto bind, find(wrapped.binding_key, KeyUsage::bind));
    const auto expected =
        hmac(HashAlgorithm::sha256, bind.secret, binding_bytes(wrapped.binding, wrapped.blob));
    auto plain = gcm_open(wrapping.secret, {}, wrapped.blob);
    if (!equal_constant_time(expected, wrapped.mac) || !plain)
        return fail(ErrorCode::token_refused, "the wrapped key is not bound to this owner");
    Key key;
    key.info.algorithm = wrapped.binding.algorithm;
    key.info.usages = wrapped.binding.usages;
    if (is_asymmetric(key.info.algorithm)) {
        const auto* cursor = plain->data();
        key.pair = PkeyPtr(d2i_AutoPrivateKey(nullptr, &cursor, static_cast<long>(plain->size())));
        key.info.public_key = spki_of(key.pair.get());
    } else {
        key.secret = to_bytes(plain->view());
    }
    return key;
}

Result<GeneratedWrappedKey> SoftwareToken::generate_wrapped(const GenerateWrappedRequest& request,
                                                            Deadline deadline) {
    SIGNET_TRY(begin("generate_wrapped", deadline));
    SIGNET_TRY(check_usages(request.binding.algorithm, request.binding.usages));
    if (request.binding.usages.has(KeyUsage::payment))
        return fail(ErrorCode::invalid_argument, "a key of usage payment is imported");
    if (request.binding.owner.size() > 512 || request.binding.key_class.size() > 64)
        return fail(ErrorCode::too_large, "the owner or class of the key is too long");
    Key key;
    if (is_asymmetric(request.binding.algorithm)) {
        key.pair = generate_pair(request.binding.algorithm);
        key.info.public_key = spki_of(key.pair.get());
    } else {
        key.secret = random_bytes(secret_size(request.binding.algorithm));
    }
    SIGNET_ASSIGN(auto wrapped, wrap(key, request.wrapping_key, request.binding_key, request.binding));
    return GeneratedWrappedKey{std::move(wrapped), key.info.public_key};
}

Result<WrappedKey> SoftwareToken::rewrap(const RewrapRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("rewrap", deadline));
    SIGNET_ASSIGN(const auto key, unwrap(request.key));
    return wrap(key, request.new_wrapping_key, request.new_binding_key, request.key.binding);
}

Result<ImportedSecret> SoftwareToken::import_secret(const ImportSecretRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("import_secret", deadline));
    SIGNET_TRY(check_usages(request.binding.algorithm, request.binding.usages));
    if (!request.binding.usages.has(KeyUsage::payment))
        return fail(ErrorCode::invalid_argument, "an imported key is for payment");
    auto key = resolve(request.key, KeyUsage::unwrap);
    if (!key && key.error().code == ErrorCode::token_refused) key = resolve(request.key, KeyUsage::decrypt);
    SIGNET_TRY(key);
    const auto plaintext = decrypt_oaep(key->pair.get(), {request.key, request.oaep_hash, request.mgf1_hash,
                                                          request.label, request.ciphertext});
    if (!plaintext || plaintext->size() != secret_size(request.binding.algorithm))
        return fail(ErrorCode::token_refused, "the ciphertext does not decrypt to such a key");
    Key imported;
    imported.secret = to_bytes(plaintext->view());
    ImportedSecret out;
    SIGNET_ASSIGN(out.key, wrap(imported, request.wrapping_key, request.binding_key, request.binding));
    out.check_value = check_value(request.binding.algorithm, imported.secret);
    wipe(imported.secret);
    return out;
}

Result<ClearKeyPair> SoftwareToken::generate_clear(const GenerateClearRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("generate_clear", deadline));
    if (!is_rsa(request.algorithm)) return fail(ErrorCode::unsupported, "RSA only");
    const auto pair = generate_pair(request.algorithm);
    return ClearKeyPair{pkcs8_of(pair.get()), spki_of(pair.get())};
}

Status SoftwareToken::import_certificate(const CertificateEntry& entry, Deadline deadline) {
    SIGNET_TRY(begin("import_certificate", deadline));
    const std::lock_guard lock(mutex_);
    if (!keys_.contains(entry.key))
        return fail(ErrorCode::not_found, "no key " + to_string(entry.key) + " in the token");
    std::erase_if(certificates_, [&](const auto& other) { return other.key == entry.key; });
    certificates_.push_back(entry);
    return {};
}

Result<std::vector<CertificateEntry>> SoftwareToken::list_certificates(Deadline deadline) {
    SIGNET_TRY(begin("list_certificates", deadline));
    const std::lock_guard lock(mutex_);
    return certificates_;
}

Result<Bytes> SoftwareToken::sign_checkpoint(const CheckpointRequest& request, Deadline deadline) {
    SIGNET_TRY(begin("sign_checkpoint", deadline));
    SIGNET_ASSIGN(const auto key, find(request.key, KeyUsage::audit));
    const auto message = checkpoint_message(request.sequence, request.head);
    const auto algorithm = *default_sign_algorithm(key.info.algorithm);
    const auto hash = signet::hash_of(algorithm);
    const std::lock_guard lock(mutex_);
    const auto last = anchor_.value_or(Anchor{});
    const bool again = anchor_ && request.sequence == last.sequence && request.head == last.head;
    if (!again && request.sequence <= last.sequence)
        return fail(ErrorCode::token_refused,
                    "the audit chain is behind the last anchored sequence " + std::to_string(last.sequence));
    if (!again && (request.previous_sequence != last.sequence || request.previous_head != last.head))
        return fail(ErrorCode::token_refused, "the audit chain does not continue the anchored sequence " +
                                                  std::to_string(last.sequence));
    auto signature = sign_with(key.pair.get(), algorithm, hash ? digest(*hash, message) : message);
    if (signature) anchor_ = Anchor{request.sequence, request.head};
    return signature;
}

Result<std::optional<Anchor>> SoftwareToken::read_anchor(Deadline deadline) {
    SIGNET_TRY(begin("read_anchor", deadline));
    const std::lock_guard lock(mutex_);
    return anchor_;
}

}  // namespace signet::testing
