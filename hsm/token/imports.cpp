#include "hsm/token/imports.h"

#include <algorithm>

#include "hsm/pkcs11/mechanisms.h"
#include "hsm/token/key_templates.h"
#include "hsm/token/oaep.h"
#include "hsm/token/scoped_object.h"

namespace signet::token {
namespace {

using pkcs11::CkResult;
using pkcs11::Mechanism;
using pkcs11::Session;
using pkcs11::Template;

// What the object may do before it is wrapped: be wrapped, and tell its check value.
Template object_template(KeyAlgorithm algorithm) {
    const bool aes = key_type(algorithm) == CKK_AES;
    Template out;
    out.number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_KEY_TYPE, key_type(algorithm));
    out.flag(CKA_TOKEN, false).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true);
    out.flag(CKA_EXTRACTABLE, true).flag(CKA_SIGN, aes).flag(CKA_ENCRYPT, !aes);
    out.flag(CKA_VERIFY, false).flag(CKA_DECRYPT, false).flag(CKA_DERIVE, false);
    out.flag(CKA_WRAP, false).flag(CKA_UNWRAP, false);
    return out;
}

// PKCS#11 gives triple DES keys no CKA_VALUE_LEN: their type says it, and the token checks it.
CkResult<bool> has_size(Session& session, CK_OBJECT_HANDLE object, KeyAlgorithm algorithm) {
    if (key_type(algorithm) != CKK_AES) return true;
    SIGNET_ASSIGN(const auto read, session.read(object, {CKA_VALUE_LEN}));
    return read.number(CKA_VALUE_LEN) == secret_size(algorithm);
}

CkResult<std::array<std::uint8_t, 3>> check_value(Session& session, CK_OBJECT_HANDLE object,
                                                  KeyAlgorithm algorithm) {
    const std::array<std::uint8_t, 16> zeros{};
    std::array<std::uint8_t, 16> output{};
    if (key_type(algorithm) == CKK_AES) {
        SIGNET_TRY(session.sign(CKM_AES_CMAC, object, zeros, output));
    } else {
        SIGNET_TRY(session.encrypt(CKM_DES3_ECB, object, ByteView(zeros).first(8), output));
    }
    std::array<std::uint8_t, 3> value{};
    std::copy_n(output.begin(), value.size(), value.begin());
    return value;
}

bool is_wrong_input(CK_RV rv) {
    switch (rv) {
        case CKR_WRAPPED_KEY_INVALID:
        case CKR_WRAPPED_KEY_LEN_RANGE:
        case CKR_ENCRYPTED_DATA_INVALID:
        case CKR_ENCRYPTED_DATA_LEN_RANGE:
        case CKR_KEY_SIZE_RANGE:
        case CKR_TEMPLATE_INCONSISTENT:
        case CKR_ATTRIBUTE_VALUE_INVALID:
        case CKR_ARGUMENTS_BAD:  // softokn's word for a wrong OAEP label or hash
        case CKR_DATA_INVALID:
        case CKR_DATA_LEN_RANGE:
        case CKR_GENERAL_ERROR:
        case CKR_FUNCTION_FAILED:
        case CKR_DEVICE_ERROR:
            return true;
        default:
            return false;
    }
}

// CK_INVALID_HANDLE for what does not decrypt.
CkResult<CK_OBJECT_HANDLE> let_in(Session& session, const pkcs11::Quirks& quirks, const UsableKey& key,
                                  const ImportSecretRequest& request) {
    auto object = object_template(request.binding.algorithm);
    CkResult<CK_OBJECT_HANDLE> handle = CK_INVALID_HANDLE;
    if (unwraps_in_token(quirks, key.usages(), request)) {
        handle = session.unwrap(Mechanism::oaep(request.oaep_hash, request.mgf1_hash, request.label),
                                key.handle(), request.ciphertext, object);
    } else {
        const auto plaintext = decrypt_oaep(session, quirks, key.handle(),
                                            {.key = {},
                                             .oaep_hash = request.oaep_hash,
                                             .mgf1_hash = request.mgf1_hash,
                                             .label = request.label,
                                             .ciphertext = request.ciphertext});
        if (!plaintext) {
            if (is_wrong_input(plaintext.error().rv)) return CK_INVALID_HANDLE;
            return std::unexpected(plaintext.error());
        }
        if (plaintext->size() != secret_size(request.binding.algorithm)) return CK_INVALID_HANDLE;
        object.secret(CKA_VALUE, plaintext->view());
        return session.create(object);
    }
    if (!handle && is_wrong_input(handle.error().rv)) return CK_INVALID_HANDLE;
    return handle;
}

}  // namespace

bool unwraps_in_token(const pkcs11::Quirks& quirks, KeyUsages usages, const ImportSecretRequest& request) {
    return usages.has(KeyUsage::unwrap) &&
           token_does_oaep(quirks, request.oaep_hash, request.mgf1_hash, request.label);
}

CkResult<std::optional<WrappedSecret>> import_secret(Session& session, const pkcs11::Quirks& quirks,
                                                     const UsableKey& key, CK_OBJECT_HANDLE wrapping_key,
                                                     const ImportSecretRequest& request) {
    const auto algorithm = request.binding.algorithm;
    SIGNET_ASSIGN(const auto handle, let_in(session, quirks, key, request));
    if (handle == CK_INVALID_HANDLE) return std::nullopt;
    const ScopedObject object(session, handle);
    SIGNET_ASSIGN(const bool fits, has_size(session, handle, algorithm));
    if (!fits) return std::nullopt;
    WrappedSecret out;
    SIGNET_ASSIGN(out.check_value, check_value(session, handle, algorithm));
    SIGNET_ASSIGN(out.blob, session.wrap(quirks.key_wrap, wrapping_key, handle));
    return out;
}

}  // namespace signet::token
