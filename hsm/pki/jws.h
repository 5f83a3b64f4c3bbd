// JSON Web Signatures in the compact serialisation (RFC 7515), with the algorithms of RFC 7518 and RFC 8037.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pki/public_key.h"

namespace signet::pki {

inline constexpr std::size_t kMaxJwsPayload = 1 << 20;   // bytes
inline constexpr std::size_t kMaxJwsHeader = 16 * 1024;  // bytes of JSON
inline constexpr std::size_t kMaxJwsChain = 8;           // certificates in x5c

struct JwsHeader {
    SignAlgorithm algorithm = SignAlgorithm::es256;
    std::optional<std::string> key_id{};        // kid
    std::optional<std::string> type{};          // typ
    std::optional<std::string> content_type{};  // cty
    std::vector<Bytes> certificates{};          // x5c, DER, leaf first
};

// `base64url(header) . base64url(payload)`: what the signature covers. Sign sign_input(algorithm, it)
// (hsm/pki/signature.h).
Result<std::string> jws_signing_input(const JwsHeader& header, ByteView payload);
// Appends the signature; `signature` is as TokenInterface::sign gives it and becomes r ‖ s for ECDSA.
Result<std::string> jws_attach_signature(std::string signing_input, SignAlgorithm algorithm,
                                         ByteView signature);

Result<std::string> sign_jws(TokenInterface& token, const KeySelector& key, KeyUsage purpose,
                             const JwsHeader& header, ByteView payload, Deadline deadline);

struct Jws {
    JwsHeader header;
    Bytes payload;
    std::string signing_input;
    Bytes signature;  // as in the JWS: r ‖ s for ECDSA
};
// Whether x5c may have white space inside: standard base64 has none (RFC 7515 section 4.1.6), but libraries that wrap lines
// at 76 characters are in the field.
enum class X5c : std::uint8_t { strict, may_be_wrapped };
// Strict: three non-empty-or-payload parts of unpadded base64url, header a JSON object without duplicate
// members, `alg` in `allowed` (so never "none" or a MAC), no `crit`, `b64`, `jwk`, `jku` or `x5u`; other
// members are ignored. The signature is not looked at.
Result<Jws> parse_jws(std::string_view compact, std::span<const SignAlgorithm> allowed,
                      X5c x5c = X5c::strict);
// Parses and verifies under `key`, which the caller chose: never one named by the message. unprocessable when
// it does not verify.
Result<Jws> verify_jws(std::string_view compact, const PublicKey& key,
                       std::span<const SignAlgorithm> allowed);

}  // namespace signet::pki
