// KEYMGMT: what OpenSSL may know of a token key. Everything public comes from the twin; nothing private
// exists here.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstring>
#include <utility>

#include "hsm/provider/openssl_error.h"
#include "hsm/provider/provider_state.h"

namespace signet::provider {
namespace {

KeyHandle& handle_of(void* key) {
    return *static_cast<KeyHandle*>(key);
}
const KeyHandle& handle_of(const void* key) {
    return *static_cast<const KeyHandle*>(key);
}

template <KeyKind Kind>
void* new_key(void* context) noexcept {
    auto data = std::make_shared<KeyData>();
    data->state = static_cast<ProviderState*>(context);
    data->kind = Kind;
    return new KeyHandle(std::move(data));
}

void free_key(void* key) noexcept {
    delete static_cast<KeyHandle*>(key);
}

// The reference is a KeyHandle of our own store.
void* load_key(const void* reference, std::size_t size) noexcept {
    const KeyHandle* source = nullptr;
    if (reference == nullptr || size != sizeof source) return nullptr;
    std::memcpy(&source, reference, sizeof source);
    return new KeyHandle(*source);
}

int has(const void* key, int selection) noexcept {
    const auto& data = *handle_of(key);
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !data.private_part) return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && !data.twin) return 0;
    return 1;
}

int match(const void* first, const void* second, int selection) noexcept {
    const auto& a = *handle_of(first);
    const auto& b = *handle_of(second);
    if (!a.twin || !b.twin || a.kind != b.kind) return 0;
    // Two keys with the same public half are the same key.
    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0)
        return EVP_PKEY_eq(a.twin.get(), b.twin.get()) == 1 ? 1 : 0;
    return a.kind == KeyKind::ed25519 || EVP_PKEY_parameters_eq(a.twin.get(), b.twin.get()) == 1 ? 1 : 0;
}

const OSSL_PARAM* public_types(KeyKind kind) {
    static const OSSL_PARAM kRsa[] = {
        OSSL_PARAM_octet_ptr(kKeyHandleParameter, nullptr, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM kEc[] = {
        OSSL_PARAM_octet_ptr(kKeyHandleParameter, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM kEd25519[] = {
        OSSL_PARAM_octet_ptr(kKeyHandleParameter, nullptr, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
        OSSL_PARAM_END,
    };
    switch (kind) {
        case KeyKind::rsa:
            return kRsa;
        case KeyKind::ec:
            return kEc;
        case KeyKind::ed25519:
            return kEd25519;
    }
    return nullptr;
}

template <KeyKind Kind>
const OSSL_PARAM* import_types(int) noexcept {
    return public_types(Kind);
}

template <KeyKind Kind>
const OSSL_PARAM* export_types(int) noexcept {
    return public_types(Kind) + 1;  // a handle is never given out
}

// A public key that OpenSSL brings from another provider, to compare it with one of ours.
int import_public(KeyData& data, const OSSL_PARAM parameters[]) {
    for (const char* name : {OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1}) {
        if (OSSL_PARAM_locate_const(parameters, name) != nullptr) return 0;
    }
    const PkeyCtxPtr context(
        EVP_PKEY_CTX_new_from_name(data.state->library, key_type_name(data.kind), "provider=default"));
    EVP_PKEY* key = nullptr;
    if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(parameters)) != 1)
        return 0;
    data.twin.reset(key);
    return 1;
}

int import_key(void* key, int, const OSSL_PARAM parameters[]) noexcept {
    auto& handle = handle_of(key);
    if (handle->twin) return 0;
    const auto* given = OSSL_PARAM_locate_const(parameters, kKeyHandleParameter);
    if (given == nullptr) {
        auto data = std::make_shared<KeyData>();
        data->state = handle->state;
        data->kind = handle->kind;
        if (import_public(*data, parameters) != 1) return 0;
        handle = std::move(data);
        return 1;
    }
    const void* pointer = nullptr;
    std::size_t size = 0;
    if (OSSL_PARAM_get_octet_ptr(given, &pointer, &size) != 1 || pointer == nullptr ||
        size != sizeof(KeyHandle))
        return 0;
    const auto& source = *static_cast<const KeyHandle*>(pointer);
    if (source->kind != handle->kind || source->state != handle->state) return 0;
    handle = source;
    return 1;
}

// Fails for whatever includes the private key: so OpenSSL cannot move the operation to another provider.
int export_key(void* key, int selection, OSSL_CALLBACK* callback, void* argument) noexcept {
    const auto& data = *handle_of(key);
    if (!data.twin || ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && data.private_part)) return 0;
    return EVP_PKEY_export(data.twin.get(), EVP_PKEY_PUBLIC_KEY, callback, argument);
}

int get_params(void* key, OSSL_PARAM parameters[]) noexcept {
    const auto& data = *handle_of(key);
    if (!data.twin || EVP_PKEY_get_params(data.twin.get(), parameters) != 1) return 0;
    // OpenSSL names SHA-256 for every curve; the token signs with P-384 over SHA-384.
    auto* digest = OSSL_PARAM_locate(parameters, OSSL_PKEY_PARAM_DEFAULT_DIGEST);
    if (digest != nullptr && data.kind == KeyKind::ec && EVP_PKEY_get_bits(data.twin.get()) == 384)
        return OSSL_PARAM_set_utf8_string(digest, "SHA384");
    return 1;
}

template <KeyKind Kind>
const OSSL_PARAM* gettable_params(void*) noexcept {
    static const OSSL_PARAM kRsa[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM kEc[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, nullptr, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, nullptr, 0),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM kEd25519[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, nullptr, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
        OSSL_PARAM_END,
    };
    switch (Kind) {
        case KeyKind::rsa:
            return kRsa;
        case KeyKind::ec:
            return kEc;
        case KeyKind::ed25519:
            return kEd25519;
    }
}

template <KeyKind Kind>
const char* operation_name(int) noexcept {
    return Kind == KeyKind::ec ? "ECDSA" : key_type_name(Kind);
}

template <KeyKind Kind>
const OSSL_DISPATCH* functions() {
    static const OSSL_DISPATCH kTable[] = {
        entry(OSSL_FUNC_KEYMGMT_NEW, new_key<Kind>),
        entry(OSSL_FUNC_KEYMGMT_FREE, free_key),
        entry(OSSL_FUNC_KEYMGMT_LOAD, load_key),
        entry(OSSL_FUNC_KEYMGMT_HAS, has),
        entry(OSSL_FUNC_KEYMGMT_MATCH, match),
        entry(OSSL_FUNC_KEYMGMT_IMPORT, import_key),
        entry(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types<Kind>),
        entry(OSSL_FUNC_KEYMGMT_EXPORT, export_key),
        entry(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, export_types<Kind>),
        entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),
        entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable_params<Kind>),
        entry(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation_name<Kind>),
        {0, nullptr},
    };
    return kTable;
}

}  // namespace

const OSSL_ALGORITHM kKeyManagement[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kProviderProperties, functions<KeyKind::rsa>(),
     "RSA keys in the token"},
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", kProviderProperties, functions<KeyKind::ec>(),
     "EC keys in the token"},
    {"ED25519:1.3.101.112", kProviderProperties, functions<KeyKind::ed25519>(), "Ed25519 keys in the token"},
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace signet::provider
