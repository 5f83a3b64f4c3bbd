#include "tests/support/software_token.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdio>
#include <cstdlib>

#include "base/random.h"
#include "base/wire.h"

namespace signet::testing {
namespace {

using provider::DigestCtxPtr;
using provider::PkeyCtxPtr;
using provider::PkeyPtr;

const EVP_MD* md_of(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1:
            return EVP_sha1();
        case HashAlgorithm::sha256:
            return EVP_sha256();
        case HashAlgorithm::sha384:
            return EVP_sha384();
        case HashAlgorithm::sha512:
            return EVP_sha512();
    }
    return nullptr;
}

PkeyPtr generate_pair(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::rsa_2048:
            return PkeyPtr(EVP_RSA_gen(2048));
        case KeyAlgorithm::rsa_3072:
            return PkeyPtr(EVP_RSA_gen(3072));
        case KeyAlgorithm::rsa_4096:
            return PkeyPtr(EVP_RSA_gen(4096));
        case KeyAlgorithm::ec_p256:
            return PkeyPtr(EVP_EC_gen("P-256"));
        case KeyAlgorithm::ec_p384:
            return PkeyPtr(EVP_EC_gen("P-384"));
        case KeyAlgorithm::ed25519:
            return PkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
        default:
            return nullptr;
    }
}

Bytes spki_of(EVP_PKEY* pair) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(pair, &der);
    if (size <= 0) return {};
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

Bytes hmac(HashAlgorithm hash, ByteView key, ByteView data) {
    Bytes out(hash_size(hash));
    unsigned int size = 0;
    HMAC(md_of(hash), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(), &size);
    return out;
}

// AES-256-GCM; layout nonce (12) ‖ ciphertext ‖ tag (16).
Bytes gcm_seal(ByteView key, ByteView associated, ByteView plaintext) {
    Bytes out = random_bytes(12);
    out.resize(12 + plaintext.size() + 16);
    EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new();
    int size = 0;
    EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key.data(), out.data(), nullptr);
    EVP_EncryptUpdate(ctx, nullptr, &size, associated.data(), static_cast<int>(associated.size()));
    EVP_EncryptUpdate(ctx, out.data() + 12, &size, plaintext.data(), static_cast<int>(plaintext.size()));
    EVP_EncryptFinal_ex(ctx, out.data() + 12 + size, &size);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out.data() + out.size() - 16);
    EVP_CIPHER_CTX_free(ctx);
    return out;
}

std::optional<Secret> gcm_open(ByteView key, ByteView associated, ByteView sealed) {
    if (sealed.size() < 28) return std::nullopt;
    Secret out(sealed.size() - 28);
    Bytes tag = to_bytes(sealed.last(16));
    std::uint8_t nothing = 0;
    auto* target = out.empty() ? &nothing : out.data();
    EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new();
    int size = 0;
    EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key.data(), sealed.data(), nullptr);
    EVP_DecryptUpdate(ctx, nullptr, &size, associated.data(), static_cast<int>(associated.size()));
    EVP_DecryptUpdate(ctx, target, &size, sealed.data() + 12, static_cast<int>(out.size()));
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag.data());
    const bool good = EVP_DecryptFinal_ex(ctx, target, &size) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!good) return std::nullopt;
    return out;
}

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

Result<Bytes> sign_with(EVP_PKEY* pair, SignAlgorithm algorithm, ByteView input) {
    if (algorithm == SignAlgorithm::eddsa) {
        if (input.size() > (std::size_t{1} << 20))
            return fail(ErrorCode::too_large, "the message is over 1 MiB");
        const DigestCtxPtr ctx(EVP_MD_CTX_new());
        Bytes out(64);
        std::size_t size = out.size();
        if (EVP_DigestSignInit(ctx.get(), nullptr, nullptr, nullptr, pair) != 1 ||
            EVP_DigestSign(ctx.get(), out.data(), &size, input.data(), input.size()) != 1)
            return fail(ErrorCode::internal, "cannot sign");
        return out;
    }
    const auto hash = *signet::hash_of(algorithm);
    if (input.size() != hash_size(hash))
        return fail(ErrorCode::invalid_argument, "the digest has the wrong size for the algorithm");
    const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(pair, nullptr));
    if (EVP_PKEY_sign_init(ctx.get()) != 1) return fail(ErrorCode::internal, "cannot sign");
    const bool pss = algorithm == SignAlgorithm::ps256 || algorithm == SignAlgorithm::ps384 ||
                     algorithm == SignAlgorithm::ps512;
    if (EVP_PKEY_get_base_id(pair) == EVP_PKEY_RSA) {
        EVP_PKEY_CTX_set_rsa_padding(ctx.get(), pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
        if (pss) EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx.get(), RSA_PSS_SALTLEN_DIGEST);
    }
    EVP_PKEY_CTX_set_signature_md(ctx.get(), md_of(hash));
    std::size_t size = 0;
    if (EVP_PKEY_sign(ctx.get(), nullptr, &size, input.data(), input.size()) != 1)
        return fail(ErrorCode::internal, "cannot sign");
    Bytes out(size);
    if (EVP_PKEY_sign(ctx.get(), out.data(), &size, input.data(), input.size()) != 1)
        return fail(ErrorCode::internal, "cannot sign");
    out.resize(size);
    return out;
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
    const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(key.pair.get(), nullptr));
    EVP_PKEY_decrypt_init(ctx.get());
    EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_OAEP_PADDING);
    EVP_PKEY_CTX_set_rsa_oaep_md(ctx.get(), md_of(request.oaep_hash));
    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx.get(), md_of(request.mgf1_hash));
    if (!request.label.empty()) {
        void* label = OPENSSL_memdup(request.label.data(), request.label.size());
        EVP_PKEY_CTX_set0_rsa_oaep_label(ctx.get(), label, static_cast<int>(request.label.size()));
    }
    Secret out(static_cast<std::size_t>(EVP_PKEY_get_size(key.pair.get())));
    std::size_t size = out.size();
    if (EVP_PKEY_decrypt(ctx.get(), out.data(), &size, request.ciphertext.data(),
                         request.ciphertext.size()) != 1)
        return fail(ErrorCode::token_refused, "the ciphertext does not decrypt under this key");
    out.truncate(size);
    return out;
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
    if (anchor_ && request.sequence <= anchor_->sequence)
        return fail(ErrorCode::token_refused, "the audit chain is behind the last anchored sequence " +
                                                  std::to_string(anchor_->sequence));
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
