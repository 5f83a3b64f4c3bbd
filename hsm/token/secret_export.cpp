#include "hsm/token/secret_export.h"

#include <algorithm>

#include "base/key_wrap.h"
#include "base/random.h"

namespace signet::token {
namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kWrappedSize = 40;  // RFC 3394 of 32 bytes
constexpr std::size_t kMostSecrets = 4;

Status check_keys(const std::vector<WrappedKey>& keys) {
    if (keys.empty() || keys.size() > kMostSecrets)
        return fail(ErrorCode::invalid_argument, "1 to 4 secrets go together");
    for (const auto& key : keys)
        if (key.binding.algorithm != KeyAlgorithm::hmac_256)
            return fail(ErrorCode::token_refused,
                        "only secrets of 32 bytes (hmac-256) leave under a password");
    return {};
}

struct DerivedKeys {
    Secret wrapping;
    Secret mac;
};
Result<DerivedKeys> derive(ByteView password, ByteView salt) {
    if (password.empty() || password.size() > 256)
        return fail(ErrorCode::invalid_argument, "a password has 1 to 256 bytes");
    SIGNET_ASSIGN(const auto both, scrypt(password, salt, 2 * kKeySize));
    return DerivedKeys{Secret::copy_of(both.view().first(kKeySize)),
                       Secret::copy_of(both.view().last(kKeySize))};
}

Bytes mac_of(const DerivedKeys& keys, ByteView header, ByteView data) {
    auto message = to_bytes(header);
    message.insert(message.end(), data.begin(), data.end());
    return hmac_sha256(keys.mac.view(), message);
}

}  // namespace

Result<ExportedSecrets> export_secrets(WrappedKeys& keys, const ExportSecretsRequest& request) {
    SIGNET_TRY(check_keys(request.keys));
    ExportedSecrets out{.salt = random_bytes(kScryptSalt), .data = {}, .mac = {}};
    SIGNET_ASSIGN(const auto derived, derive(request.password, out.salt));
    SIGNET_ASSIGN(const auto blobs, keys.wrap_under(derived.wrapping, request.keys));
    for (const auto& blob : blobs)
        out.data.insert(out.data.end(), blob.begin(), blob.end());
    out.mac = mac_of(derived, request.header, out.data);
    return out;
}

Result<std::vector<WrappedKey>> import_secrets(WrappedKeys& keys, const ImportSecretsRequest& request) {
    const auto& sent = request.secrets;
    if (request.bindings.empty() || request.bindings.size() > kMostSecrets ||
        sent.salt.size() != kScryptSalt || sent.data.size() != kWrappedSize * request.bindings.size())
        return fail(ErrorCode::invalid_argument,
                    "the exported secrets do not have the size of this many keys");
    SIGNET_ASSIGN(const auto derived, derive(request.password, sent.salt));
    if (!equal_constant_time(mac_of(derived, request.header, sent.data), sent.mac))
        return fail(ErrorCode::token_refused, "the password is wrong, or the exported secrets were altered");
    std::vector<WrappedKey> out;
    ByteView rest(sent.data);
    for (const auto& binding : request.bindings) {
        if (binding.algorithm != KeyAlgorithm::hmac_256)
            return fail(ErrorCode::token_refused,
                        "only secrets of 32 bytes (hmac-256) come in under a password");
        SIGNET_ASSIGN(auto key, keys.take_in(derived.wrapping, rest.first(kWrappedSize),
                                             {request.wrapping_key, request.binding_key, binding}));
        out.push_back(std::move(key));
        rest = rest.subspan(kWrappedSize);
    }
    return out;
}

Result<Secret> reveal_secrets(WrappedKeys& keys, const RevealSecretsRequest& request) {
    SIGNET_TRY(check_keys(request.keys));
    // Secrets cannot be read out of the token; under a key that we know they can be had.
    auto random = random_bytes(kKeySize);
    const auto kek = Secret::copy_of(random);
    wipe(random);
    SIGNET_ASSIGN(const auto blobs, keys.wrap_under(kek, request.keys));
    Secret out(kKeySize * blobs.size());
    std::size_t at = 0;
    for (const auto& blob : blobs) {
        SIGNET_ASSIGN(const auto secret, unwrap_key(kek, blob));
        if (secret.size() != kKeySize) return fail(ErrorCode::internal, "a secret does not have 32 bytes");
        std::ranges::copy(secret.view(), out.data() + at);
        at += kKeySize;
    }
    return out;
}

}  // namespace signet::token
