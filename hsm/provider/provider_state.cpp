#include "hsm/provider/provider_state.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

#include "hsm/provider/openssl_error.h"
#include "signet_version.h"

namespace signet::provider {
namespace {

struct PaddingName {
    RsaPadding padding;
    int number;
    const char* name;
};
constexpr std::array kPaddings{
    PaddingName{RsaPadding::pkcs1, RSA_PKCS1_PADDING, OSSL_PKEY_RSA_PAD_MODE_PKCSV15},
    PaddingName{RsaPadding::oaep, RSA_PKCS1_OAEP_PADDING, OSSL_PKEY_RSA_PAD_MODE_OAEP},
    PaddingName{RsaPadding::pss, RSA_PKCS1_PSS_PADDING, OSSL_PKEY_RSA_PAD_MODE_PSS},
};

const OSSL_PARAM* gettable_params(void*) noexcept {
    static const OSSL_PARAM kTable[] = {
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, nullptr, 0),
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, nullptr, 0),
        OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, nullptr),
        OSSL_PARAM_END,
    };
    return kTable;
}

int get_params(void*, OSSL_PARAM params[]) noexcept {
    auto* name = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
    if (name != nullptr && OSSL_PARAM_set_utf8_ptr(name, "Signet token keys") != 1) return 0;
    auto* version = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION);
    if (version != nullptr && OSSL_PARAM_set_utf8_ptr(version, SIGNET_VERSION) != 1) return 0;
    auto* status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
    return status == nullptr || OSSL_PARAM_set_int(status, 1) == 1 ? 1 : 0;
}

const OSSL_ALGORITHM* query_operation(void*, int operation, int* no_store) noexcept {
    *no_store = 0;
    switch (operation) {
        case OSSL_OP_KEYMGMT:
            return kKeyManagement;
        case OSSL_OP_SIGNATURE:
            return kSignatures;
        case OSSL_OP_ASYM_CIPHER:
            return kAsymmetricCiphers;
        case OSSL_OP_STORE:
            return kStores;
        default:
            return nullptr;
    }
}

void teardown(void*) noexcept {}

}  // namespace

thread_local ProviderState* pending_state = nullptr;

KeyKind kind_of(KeyAlgorithm algorithm) {
    if (is_rsa(algorithm)) return KeyKind::rsa;
    return algorithm == KeyAlgorithm::ed25519 ? KeyKind::ed25519 : KeyKind::ec;
}

const char* key_type_name(KeyKind kind) {
    switch (kind) {
        case KeyKind::rsa:
            return "RSA";
        case KeyKind::ec:
            return "EC";
        case KeyKind::ed25519:
            return "ED25519";
    }
    return "";
}

const char* hash_name(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1:
            return "SHA1";
        case HashAlgorithm::sha256:
            return "SHA2-256";
        case HashAlgorithm::sha384:
            return "SHA2-384";
        case HashAlgorithm::sha512:
            return "SHA2-512";
    }
    return "";
}

std::optional<HashAlgorithm> hash_from_name(ossl_lib_ctx_st* library, const char* name) {
    EVP_MD* md = EVP_MD_fetch(library, name, nullptr);
    if (md == nullptr) return std::nullopt;
    std::optional<HashAlgorithm> found;
    for (const auto hash :
         {HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha384, HashAlgorithm::sha512}) {
        if (EVP_MD_is_a(md, hash_name(hash)) == 1) found = hash;
    }
    EVP_MD_free(md);
    return found;
}

std::optional<RsaPadding> padding_from(const OSSL_PARAM& parameter) {
    int number = 0;
    const char* name = nullptr;
    if (parameter.data_type == OSSL_PARAM_INTEGER || parameter.data_type == OSSL_PARAM_UNSIGNED_INTEGER) {
        if (OSSL_PARAM_get_int(&parameter, &number) != 1) return std::nullopt;
    } else if (OSSL_PARAM_get_utf8_string_ptr(&parameter, &name) != 1) {
        return std::nullopt;
    }
    for (const auto& known : kPaddings) {
        if (name == nullptr ? known.number == number : std::string_view(known.name) == name)
            return known.padding;
    }
    return std::nullopt;
}

int set_padding(OSSL_PARAM& parameter, RsaPadding padding) {
    for (const auto& known : kPaddings) {
        if (known.padding != padding) continue;
        if (parameter.data_type == OSSL_PARAM_UTF8_STRING)
            return OSSL_PARAM_set_utf8_string(&parameter, known.name);
        if (parameter.data_type == OSSL_PARAM_UTF8_PTR)
            return OSSL_PARAM_set_utf8_ptr(&parameter, known.name);
        return OSSL_PARAM_set_int(&parameter, known.number);
    }
    return 0;
}

Result<KeyHandle> make_key_handle(const ProviderState& state, PrivateReference reference,
                                  ByteView public_key) {
    auto data = std::make_shared<KeyData>();
    data->state = &state;
    data->kind = kind_of(reference.algorithm);
    const auto* cursor = public_key.data();
    data->twin.reset(d2i_PUBKEY_ex(nullptr, &cursor, static_cast<long>(public_key.size()), state.library,
                                   "provider=default"));
    if (data->twin == nullptr || cursor != public_key.data() + public_key.size() ||
        EVP_PKEY_is_a(data->twin.get(), key_type_name(data->kind)) != 1)
        return fail_openssl(ErrorCode::internal, "the token's public key cannot be read");
    data->private_part = std::move(reference);
    return data;
}

int initialise_provider(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out,
                        void** context) {
    static const OSSL_DISPATCH kTable[] = {
        entry(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),
        entry(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, gettable_params),
        entry(OSSL_FUNC_PROVIDER_GET_PARAMS, get_params),
        entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query_operation),
        {0, nullptr},
    };
    if (pending_state == nullptr) return 0;  // only LibraryContext::create loads us
    *context = pending_state;
    *out = kTable;
    return 1;
}

}  // namespace signet::provider
