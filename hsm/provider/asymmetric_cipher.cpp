// ASYM_CIPHER: RSA-OAEP (RFC 8017 section 7.1). Decryption is the token's, encryption the public twin's. No
// other padding: PKCS#1 v1.5 decryption would be an oracle, and TLS does not need it.
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include <cstring>
#include <utility>

#include "hsm/provider/openssl_error.h"
#include "hsm/provider/provider_state.h"

namespace signet::provider {
namespace {

struct CipherContext {
    const ProviderState* state;
    KeyHandle key;
    // OpenSSL's default is PKCS#1: a caller has to ask for OAEP, or gets nothing.
    bool oaep = false;
    HashAlgorithm hash = HashAlgorithm::sha1;
    std::optional<HashAlgorithm> mgf1_hash;
    Bytes label;
};

CipherContext& context_of(void* context) {
    return *static_cast<CipherContext*>(context);
}

void* new_context(void* state) noexcept {
    return new CipherContext{static_cast<ProviderState*>(state), {}, false, {}, {}, {}};
}
void free_context(void* context) noexcept {
    delete static_cast<CipherContext*>(context);
}
void* duplicate_context(void* context) noexcept {
    return new CipherContext(context_of(context));
}

int set_params(void* context, const OSSL_PARAM parameters[]) noexcept {
    auto& self = context_of(context);
    if (parameters == nullptr) return 1;
    const char* name = nullptr;
    if (const auto* padding = OSSL_PARAM_locate_const(parameters, OSSL_ASYM_CIPHER_PARAM_PAD_MODE)) {
        if (padding_from(*padding) != RsaPadding::oaep) return 0;
        self.oaep = true;
    }
    if (const auto* digest = OSSL_PARAM_locate_const(parameters, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST)) {
        if (OSSL_PARAM_get_utf8_string_ptr(digest, &name) != 1) return 0;
        const auto hash = hash_from_name(self.state->library, name);
        if (!hash) return 0;
        self.hash = *hash;
    }
    if (const auto* digest = OSSL_PARAM_locate_const(parameters, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST)) {
        if (OSSL_PARAM_get_utf8_string_ptr(digest, &name) != 1) return 0;
        self.mgf1_hash = hash_from_name(self.state->library, name);
        if (!self.mgf1_hash) return 0;
    }
    if (const auto* label = OSSL_PARAM_locate_const(parameters, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL)) {
        const void* bytes = nullptr;
        std::size_t size = 0;
        if (OSSL_PARAM_get_octet_string_ptr(label, &bytes, &size) != 1 || size > 1024) return 0;
        const auto* begin = static_cast<const std::uint8_t*>(bytes);
        self.label.assign(begin, begin + size);
    }
    return 1;
}

const OSSL_PARAM* settable_params(void*, void*) noexcept {
    static const OSSL_PARAM kTable[] = {
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, nullptr, 0),
        OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, nullptr, 0),
        OSSL_PARAM_END,
    };
    return kTable;
}

int get_params(void* context, OSSL_PARAM parameters[]) noexcept {
    const auto& self = context_of(context);
    auto* padding = OSSL_PARAM_locate(parameters, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
    if (padding != nullptr && set_padding(*padding, self.oaep ? RsaPadding::oaep : RsaPadding::pkcs1) != 1)
        return 0;
    auto* digest = OSSL_PARAM_locate(parameters, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
    if (digest != nullptr && OSSL_PARAM_set_utf8_string(digest, hash_name(self.hash)) != 1) return 0;
    auto* mgf1 = OSSL_PARAM_locate(parameters, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
    return mgf1 == nullptr ||
                   OSSL_PARAM_set_utf8_string(mgf1, hash_name(self.mgf1_hash.value_or(self.hash))) == 1
               ? 1
               : 0;
}

const OSSL_PARAM* gettable_params(void*, void*) noexcept {
    static const OSSL_PARAM kTable[] = {
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, nullptr, 0),
        OSSL_PARAM_END,
    };
    return kTable;
}

int initialise(void* context, void* key, const OSSL_PARAM parameters[]) noexcept {
    auto& self = context_of(context);
    if (key != nullptr) self.key = *static_cast<const KeyHandle*>(key);
    return self.key && self.key->twin ? set_params(context, parameters) : 0;
}

int encrypt(void* context, unsigned char* out, std::size_t* out_size, std::size_t capacity,
            const unsigned char* in, std::size_t in_size) noexcept {
    const auto& self = context_of(context);
    if (!self.oaep) return 0;
    const PkeyCtxPtr twin(EVP_PKEY_CTX_new_from_pkey(self.state->library, self.key->twin.get(), nullptr));
    if (twin == nullptr || EVP_PKEY_encrypt_init(twin.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(twin.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md_name(twin.get(), hash_name(self.hash), nullptr) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md_name(twin.get(), hash_name(self.mgf1_hash.value_or(self.hash)),
                                          nullptr) != 1)
        return 0;
    if (!self.label.empty()) {
        void* label = OPENSSL_memdup(self.label.data(), self.label.size());
        if (EVP_PKEY_CTX_set0_rsa_oaep_label(twin.get(), label, static_cast<int>(self.label.size())) != 1) {
            OPENSSL_free(label);
            return 0;
        }
    }
    *out_size = capacity;
    return EVP_PKEY_encrypt(twin.get(), out, out_size, in, in_size);
}

int decrypt(void* context, unsigned char* out, std::size_t* out_size, std::size_t capacity,
            const unsigned char* in, std::size_t in_size) noexcept {
    const auto& self = context_of(context);
    const auto modulus = static_cast<std::size_t>(EVP_PKEY_get_size(self.key->twin.get()));
    if (out == nullptr) {
        *out_size = modulus;
        return 1;
    }
    const auto& reference = self.key->private_part;
    if (!self.oaep || !reference || in_size != modulus) return 0;
    if (reference->purpose != KeyUsage::decrypt) {
        set_token_error(
            {ErrorCode::token_refused,
             "the key was loaded for " + std::string(to_string(reference->purpose)) + ", not for decrypt",
             {}});
        return 0;
    }
    auto plain =
        self.state->token.decrypt({reference->selector, self.hash, self.mgf1_hash.value_or(self.hash),
                                   self.label, Bytes(in, in + in_size)},
                                  self.state->deadline());
    if (!plain) {
        set_token_error(std::move(plain).error());
        return 0;
    }
    if (plain->size() > capacity) return 0;
    if (!plain->empty()) std::memcpy(out, plain->data(), plain->size());
    *out_size = plain->size();
    return 1;
}

const OSSL_DISPATCH kFunctions[] = {
    entry(OSSL_FUNC_ASYM_CIPHER_NEWCTX, new_context),
    entry(OSSL_FUNC_ASYM_CIPHER_FREECTX, free_context),
    entry(OSSL_FUNC_ASYM_CIPHER_DUPCTX, duplicate_context),
    entry(OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, initialise),
    entry(OSSL_FUNC_ASYM_CIPHER_ENCRYPT, encrypt),
    entry(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, initialise),
    entry(OSSL_FUNC_ASYM_CIPHER_DECRYPT, decrypt),
    entry(OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, set_params),
    entry(OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, settable_params),
    entry(OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, get_params),
    entry(OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, gettable_params),
    {0, nullptr},
};

}  // namespace

const OSSL_ALGORITHM kAsymmetricCiphers[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kProviderProperties, kFunctions, "RSA-OAEP by the token"},
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace signet::provider
