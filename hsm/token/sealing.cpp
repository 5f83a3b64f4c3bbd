#include "hsm/token/sealing.h"

#include "hsm/pkcs11/mechanisms.h"

namespace signet::token {
namespace {

constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr std::size_t kMaxPlaintext = 65536;
constexpr std::size_t kMaxAssociatedData = 1024;

}  // namespace

Status check_seal(const SealRequest& request) {
    if (request.associated_data.size() > kMaxAssociatedData || request.plaintext.size() > kMaxPlaintext) {
        return fail(ErrorCode::too_large, "what is sealed has 64 KiB at most, its associated data 1 KiB");
    }
    return {};
}

Status check_unseal(const UnsealRequest& request) {
    if (request.associated_data.size() > kMaxAssociatedData ||
        request.sealed.size() > kNonce + kMaxPlaintext + kTag) {
        return fail(ErrorCode::too_large, "what was sealed has 64 KiB at most, its associated data 1 KiB");
    }
    if (request.sealed.size() < kNonce + kTag) {
        return fail(ErrorCode::invalid_argument, "a sealed secret has at least 28 bytes");
    }
    return {};
}

pkcs11::CkResult<Bytes> seal(pkcs11::Session& session, CK_OBJECT_HANDLE key, const SealRequest& request) {
    Bytes sealed(kNonce + request.plaintext.size() + kTag);
    const auto nonce = std::span(sealed).first(kNonce);
    SIGNET_TRY(session.random(nonce));
    SIGNET_ASSIGN(const auto size,
                  session.encrypt(pkcs11::Mechanism::aes_gcm(nonce, request.associated_data), key,
                                  request.plaintext, std::span(sealed).subspan(kNonce)));
    if (size != request.plaintext.size() + kTag)
        return std::unexpected(pkcs11::Failure{CKR_GENERAL_ERROR, "C_Encrypt"});
    return sealed;
}

pkcs11::CkResult<Secret> unseal(pkcs11::Session& session, CK_OBJECT_HANDLE key,
                                const UnsealRequest& request) {
    const ByteView sealed(request.sealed);
    // Room for the tag too: tokens ask for a buffer as long as their input.
    Secret plaintext(sealed.size() - kNonce);
    SIGNET_ASSIGN(const auto size,
                  session.decrypt(pkcs11::Mechanism::aes_gcm(sealed.first(kNonce), request.associated_data),
                                  key, sealed.subspan(kNonce), {plaintext.data(), plaintext.size()}));
    plaintext.truncate(size);
    return plaintext;
}

}  // namespace signet::token
