// SIGNATURE: hashes in software, signs by the token, verifies by the public twin.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include <charconv>
#include <cstring>
#include <utility>

#include "hsm/provider/algorithm_identifier.h"
#include "hsm/provider/openssl_error.h"
#include "hsm/provider/provider_state.h"

namespace signet::provider {
namespace {

struct SignatureContext {
    const ProviderState* state = nullptr;
    KeyHandle key;
    std::optional<HashAlgorithm> hash;
    RsaPadding padding = RsaPadding::pkcs1;
    std::optional<int> salt_size;  // as OpenSSL gives it: bytes, or one of RSA_PSS_SALTLEN_*
    std::optional<HashAlgorithm> mgf1_hash;
    DigestCtxPtr digest;

    SignatureContext() = default;
    SignatureContext(const SignatureContext& other)
        : state(other.state),
          key(other.key),
          hash(other.hash),
          padding(other.padding),
          salt_size(other.salt_size),
          mgf1_hash(other.mgf1_hash) {
        if (!other.digest) return;
        digest.reset(EVP_MD_CTX_new());
        if (digest != nullptr && EVP_MD_CTX_copy_ex(digest.get(), other.digest.get()) != 1) digest.reset();
    }
    SignatureContext& operator=(const SignatureContext&) = delete;
};

SignatureContext& context_of(void* context) {
    return *static_cast<SignatureContext*>(context);
}

int refuse(std::string message) {
    set_token_error({ErrorCode::token_refused, std::move(message), {}});
    return 0;
}

std::optional<SignAlgorithm> rsa_algorithm(const SignatureContext& self) {
    const bool pss = self.padding == RsaPadding::pss;
    switch (*self.hash) {
        case HashAlgorithm::sha256:
            return pss ? SignAlgorithm::ps256 : SignAlgorithm::rs256;
        case HashAlgorithm::sha384:
            return pss ? SignAlgorithm::ps384 : SignAlgorithm::rs384;
        case HashAlgorithm::sha512:
            return pss ? SignAlgorithm::ps512 : SignAlgorithm::rs512;
        case HashAlgorithm::sha1:
            return std::nullopt;
    }
    return std::nullopt;
}

// Whether the salt is as long as the hash, the only length the token signs with. "max" and "auto" mean the
// longest possible when signing: refused, rather than answered with another length.
bool salt_is_of_hash(const SignatureContext& self) {
    if (!self.salt_size || *self.salt_size == RSA_PSS_SALTLEN_DIGEST) return true;
    return *self.salt_size == static_cast<int>(hash_size(*self.hash));
}

// The token's algorithm for what OpenSSL asked; nullopt for combinations the token does not sign.
std::optional<SignAlgorithm> algorithm_of(const SignatureContext& self) {
    const auto& data = *self.key;
    if (data.kind == KeyKind::ed25519) return SignAlgorithm::eddsa;
    if (!self.hash) return std::nullopt;
    if (data.kind == KeyKind::ec) {
        const auto algorithm =
            EVP_PKEY_get_bits(data.twin.get()) == 384 ? SignAlgorithm::es384 : SignAlgorithm::es256;
        return hash_of(algorithm) == self.hash ? std::optional(algorithm) : std::nullopt;
    }
    if (self.padding == RsaPadding::pss &&
        (!salt_is_of_hash(self) || self.mgf1_hash.value_or(*self.hash) != *self.hash))
        return std::nullopt;
    return rsa_algorithm(self);
}

void* new_context(void* state, const char*) noexcept {
    auto* context = new SignatureContext;
    context->state = static_cast<ProviderState*>(state);
    return context;
}
void free_context(void* context) noexcept {
    delete static_cast<SignatureContext*>(context);
}
void* duplicate_context(void* context) noexcept {
    return new SignatureContext(context_of(context));
}

bool read_hash(const SignatureContext& self, const OSSL_PARAM& parameter,
               std::optional<HashAlgorithm>& hash) {
    const char* name = nullptr;
    if (OSSL_PARAM_get_utf8_string_ptr(&parameter, &name) != 1) return false;
    hash = hash_from_name(self.state->library, name);
    return hash.has_value();
}

bool read_salt_size(const OSSL_PARAM& parameter, std::optional<int>& salt_size) {
    int number = 0;
    if (parameter.data_type != OSSL_PARAM_UTF8_STRING) {
        if (OSSL_PARAM_get_int(&parameter, &number) != 1) return false;
        salt_size = number;
        return true;
    }
    const char* name = nullptr;
    if (OSSL_PARAM_get_utf8_string_ptr(&parameter, &name) != 1) return false;
    const std::string_view text(name);
    if (text == OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) {
        number = RSA_PSS_SALTLEN_DIGEST;
    } else if (text == OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO) {
        number = RSA_PSS_SALTLEN_AUTO;
    } else if (text == OSSL_PKEY_RSA_PSS_SALT_LEN_MAX) {
        number = RSA_PSS_SALTLEN_MAX;
    } else {
        // EVP_PKEY_CTX_set_rsa_pss_saltlen turns its integer into text.
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || end != text.data() + text.size() || number < 0) return false;
    }
    salt_size = number;
    return true;
}

int set_params(void* context, const OSSL_PARAM parameters[]) noexcept {
    auto& self = context_of(context);
    if (parameters == nullptr) return 1;
    if (const auto* digest = OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_DIGEST)) {
        if (!read_hash(self, *digest, self.hash)) return 0;
    }
    if (const auto* padding = OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_PAD_MODE)) {
        const auto mode = padding_from(*padding);
        if (!mode || *mode == RsaPadding::oaep) return 0;
        self.padding = *mode;
    }
    if (const auto* salt = OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_PSS_SALTLEN)) {
        if (self.padding != RsaPadding::pss || !read_salt_size(*salt, self.salt_size)) return 0;
    }
    if (const auto* digest = OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_MGF1_DIGEST)) {
        if (self.padding != RsaPadding::pss || !read_hash(self, *digest, self.mgf1_hash)) return 0;
    }
    return 1;
}

template <KeyKind Kind>
const OSSL_PARAM* settable_params(void*, void*) noexcept {
    static const OSSL_PARAM kRsa[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM kEc[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM kEd25519[] = {OSSL_PARAM_END};
    switch (Kind) {
        case KeyKind::rsa:
            return kRsa;
        case KeyKind::ec:
            return kEc;
        case KeyKind::ed25519:
            return kEd25519;
    }
}

int get_salt_size(const SignatureContext& self, OSSL_PARAM& parameter) {
    const int size = self.salt_size.value_or(RSA_PSS_SALTLEN_DIGEST);
    if (parameter.data_type != OSSL_PARAM_UTF8_STRING) return OSSL_PARAM_set_int(&parameter, size);
    switch (size) {
        case RSA_PSS_SALTLEN_DIGEST:
            return OSSL_PARAM_set_utf8_string(&parameter, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST);
        case RSA_PSS_SALTLEN_AUTO:
            return OSSL_PARAM_set_utf8_string(&parameter, OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO);
        case RSA_PSS_SALTLEN_MAX:
            return OSSL_PARAM_set_utf8_string(&parameter, OSSL_PKEY_RSA_PSS_SALT_LEN_MAX);
        default:
            return OSSL_PARAM_set_utf8_string(&parameter, std::to_string(size).c_str());
    }
}

int get_params(void* context, OSSL_PARAM parameters[]) noexcept {
    const auto& self = context_of(context);
    if (auto* identifier = OSSL_PARAM_locate(parameters, OSSL_SIGNATURE_PARAM_ALGORITHM_ID)) {
        const auto algorithm = self.key ? algorithm_of(self) : std::nullopt;
        if (!algorithm)
            return refuse("the token does not sign with this combination of key, digest and padding");
        const auto der = algorithm_identifier(*algorithm);
        if (OSSL_PARAM_set_octet_string(identifier, der.data(), der.size()) != 1) return 0;
    }
    auto* digest = OSSL_PARAM_locate(parameters, OSSL_SIGNATURE_PARAM_DIGEST);
    if (digest != nullptr && OSSL_PARAM_set_utf8_string(digest, self.hash ? hash_name(*self.hash) : "") != 1)
        return 0;
    auto* padding = OSSL_PARAM_locate(parameters, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (padding != nullptr && set_padding(*padding, self.padding) != 1) return 0;
    auto* salt = OSSL_PARAM_locate(parameters, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (salt != nullptr && get_salt_size(self, *salt) != 1) return 0;
    if (auto* mgf1 = OSSL_PARAM_locate(parameters, OSSL_SIGNATURE_PARAM_MGF1_DIGEST)) {
        const auto hash = self.mgf1_hash ? self.mgf1_hash : self.hash;
        if (OSSL_PARAM_set_utf8_string(mgf1, hash ? hash_name(*hash) : "") != 1) return 0;
    }
    return 1;
}

template <KeyKind Kind>
const OSSL_PARAM* gettable_params(void*, void*) noexcept {
    static const OSSL_PARAM kRsa[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM kOthers[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
        OSSL_PARAM_END,
    };
    return Kind == KeyKind::rsa ? kRsa : kOthers;
}

int initialise(void* context, void* key, const OSSL_PARAM parameters[]) noexcept {
    auto& self = context_of(context);
    if (key != nullptr) self.key = *static_cast<const KeyHandle*>(key);
    return self.key && self.key->twin ? set_params(context, parameters) : 0;
}

int initialise_signing(void* context, void* key, const OSSL_PARAM parameters[]) noexcept {
    return initialise(context, key, parameters) == 1 && context_of(context).key->private_part ? 1 : 0;
}

int sign_input(const SignatureContext& self, unsigned char* out, std::size_t* out_size, std::size_t capacity,
               ByteView input) {
    const auto max_size = static_cast<std::size_t>(EVP_PKEY_get_size(self.key->twin.get()));
    if (out == nullptr) {
        *out_size = max_size;
        return 1;
    }
    const auto algorithm = algorithm_of(self);
    if (!algorithm) return refuse("the token does not sign with this combination of key, digest and padding");
    const auto& reference = *self.key->private_part;
    auto signature = self.state->token.sign(
        {reference.selector, *algorithm, reference.purpose, to_bytes(input)}, self.state->deadline());
    if (!signature) {
        set_token_error(std::move(signature).error());
        return 0;
    }
    if (signature->size() > capacity || signature->size() > max_size) return 0;
    std::memcpy(out, signature->data(), signature->size());
    *out_size = signature->size();
    return 1;
}

int sign(void* context, unsigned char* out, std::size_t* out_size, std::size_t capacity,
         const unsigned char* digest, std::size_t digest_size) noexcept {
    const auto& self = context_of(context);
    // A bare EVP_PKEY_sign without a digest would be a signature over something that is no hash.
    if (out != nullptr && (!self.hash || hash_size(*self.hash) != digest_size))
        return refuse("the token signs digests: set the digest and give one of its size");
    return sign_input(self, out, out_size, capacity, {digest, digest_size});
}

int verify(void* context, const unsigned char* signature, std::size_t size, const unsigned char* digest,
           std::size_t digest_size) noexcept {
    const auto& self = context_of(context);
    const PkeyCtxPtr twin(EVP_PKEY_CTX_new_from_pkey(self.state->library, self.key->twin.get(), nullptr));
    if (twin == nullptr || !self.hash || EVP_PKEY_verify_init(twin.get()) != 1) return 0;
    OSSL_PARAM parameters[5];
    std::size_t count = 0;
    int padding = self.padding == RsaPadding::pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
    int salt = self.salt_size.value_or(RSA_PSS_SALTLEN_AUTO);
    parameters[count++] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST,
                                                           const_cast<char*>(hash_name(*self.hash)), 0);
    if (self.key->kind == KeyKind::rsa) {
        parameters[count++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PAD_MODE, &padding);
        if (self.padding == RsaPadding::pss) {
            const auto mgf1 = self.mgf1_hash.value_or(*self.hash);
            parameters[count++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &salt);
            parameters[count++] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST,
                                                                   const_cast<char*>(hash_name(mgf1)), 0);
        }
    }
    parameters[count] = OSSL_PARAM_construct_end();
    if (EVP_PKEY_CTX_set_params(twin.get(), parameters) != 1) return 0;
    return EVP_PKEY_verify(twin.get(), signature, size, digest, digest_size) == 1 ? 1 : 0;
}

int start_digest(SignatureContext& self, const char* name) {
    if (name != nullptr && *name != '\0') {
        self.hash = hash_from_name(self.state->library, name);
        if (!self.hash) return 0;
    }
    if (!self.hash) return 0;
    EVP_MD* md = EVP_MD_fetch(self.state->library, hash_name(*self.hash), nullptr);
    self.digest.reset(EVP_MD_CTX_new());
    const bool good =
        md != nullptr && self.digest != nullptr && EVP_DigestInit_ex2(self.digest.get(), md, nullptr) == 1;
    EVP_MD_free(md);
    return good ? 1 : 0;
}

int digest_sign_initialise(void* context, const char* name, void* key,
                           const OSSL_PARAM parameters[]) noexcept {
    return initialise_signing(context, key, parameters) == 1 ? start_digest(context_of(context), name) : 0;
}

int digest_verify_initialise(void* context, const char* name, void* key,
                             const OSSL_PARAM parameters[]) noexcept {
    return initialise(context, key, parameters) == 1 ? start_digest(context_of(context), name) : 0;
}

int digest_update(void* context, const unsigned char* data, std::size_t size) noexcept {
    auto& self = context_of(context);
    return self.digest ? EVP_DigestUpdate(self.digest.get(), data, size) : 0;
}

int finish_digest(SignatureContext& self, unsigned char* digest, unsigned int& size) {
    return self.digest ? EVP_DigestFinal_ex(self.digest.get(), digest, &size) : 0;
}

int digest_sign_final(void* context, unsigned char* out, std::size_t* out_size,
                      std::size_t capacity) noexcept {
    auto& self = context_of(context);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (out == nullptr) return sign_input(self, nullptr, out_size, 0, {});
    if (finish_digest(self, digest, size) != 1) return 0;
    return sign_input(self, out, out_size, capacity, {digest, size});
}

int digest_verify_final(void* context, const unsigned char* signature, std::size_t signature_size) noexcept {
    auto& self = context_of(context);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (finish_digest(self, digest, size) != 1) return 0;
    return verify(context, signature, signature_size, digest, size);
}

// Ed25519 signs the message itself (RFC 8032), so it is one-shot and takes no digest.
template <int (*Initialise)(void*, void*, const OSSL_PARAM[]) noexcept>
int message_initialise(void* context, const char* digest, void* key, const OSSL_PARAM parameters[]) noexcept {
    if (digest != nullptr && *digest != '\0') return 0;
    return Initialise(context, key, parameters);
}

int message_sign(void* context, unsigned char* out, std::size_t* out_size, std::size_t capacity,
                 const unsigned char* message, std::size_t size) noexcept {
    return sign_input(context_of(context), out, out_size, capacity, {message, size});
}

int message_verify(void* context, const unsigned char* signature, std::size_t signature_size,
                   const unsigned char* message, std::size_t size) noexcept {
    const auto& self = context_of(context);
    const DigestCtxPtr twin(EVP_MD_CTX_new());
    if (twin == nullptr || EVP_DigestVerifyInit_ex(twin.get(), nullptr, nullptr, self.state->library, nullptr,
                                                   self.key->twin.get(), nullptr) != 1)
        return 0;
    return EVP_DigestVerify(twin.get(), signature, signature_size, message, size) == 1 ? 1 : 0;
}

template <KeyKind Kind>
const OSSL_DISPATCH* digest_functions() {
    static const OSSL_DISPATCH kTable[] = {
        entry(OSSL_FUNC_SIGNATURE_NEWCTX, new_context),
        entry(OSSL_FUNC_SIGNATURE_FREECTX, free_context),
        entry(OSSL_FUNC_SIGNATURE_DUPCTX, duplicate_context),
        entry(OSSL_FUNC_SIGNATURE_SIGN_INIT, initialise_signing),
        entry(OSSL_FUNC_SIGNATURE_SIGN, sign),
        entry(OSSL_FUNC_SIGNATURE_VERIFY_INIT, initialise),
        entry(OSSL_FUNC_SIGNATURE_VERIFY, verify),
        entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_sign_initialise),
        entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_update),
        entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_sign_final),
        entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, digest_verify_initialise),
        entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, digest_update),
        entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, digest_verify_final),
        entry(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, get_params),
        entry(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable_params<Kind>),
        entry(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),
        entry(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable_params<Kind>),
        {0, nullptr},
    };
    return kTable;
}

const OSSL_DISPATCH kMessageFunctions[] = {
    entry(OSSL_FUNC_SIGNATURE_NEWCTX, new_context),
    entry(OSSL_FUNC_SIGNATURE_FREECTX, free_context),
    entry(OSSL_FUNC_SIGNATURE_DUPCTX, duplicate_context),
    entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, message_initialise<initialise_signing>),
    entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, message_sign),
    entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, message_initialise<initialise>),
    entry(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, message_verify),
    entry(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, get_params),
    entry(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable_params<KeyKind::ed25519>),
    {0, nullptr},
};

}  // namespace

const OSSL_ALGORITHM kSignatures[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kProviderProperties, digest_functions<KeyKind::rsa>(),
     "RSA PKCS#1 and PSS by the token"},
    {"ECDSA", kProviderProperties, digest_functions<KeyKind::ec>(), "ECDSA by the token"},
    {"ED25519:1.3.101.112", kProviderProperties, kMessageFunctions, "Ed25519 by the token"},
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace signet::provider
