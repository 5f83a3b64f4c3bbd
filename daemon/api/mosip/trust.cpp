#include "daemon/api/mosip/trust.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "hsm/pki/chain.h"
#include "hsm/pki/signature.h"

namespace signet::api::mosip {
namespace {

constexpr std::array kRs256{SignAlgorithm::rs256};

Status check_time(const pki::Certificate& certificate, SystemTime now) {
    if (now < certificate.not_before() || now >= certificate.not_after())
        return fail(ErrorCode::unprocessable,
                    "the certificate " + certificate.subject_text() + " is not valid now");
    return {};
}

Status check_path(const pki::Certificate& leaf, const pki::Jws& jws, const Trust& trust, SystemTime now) {
    const auto same = [&](const pki::Certificate& anchor) { return anchor.der() == leaf.der(); };
    if (std::ranges::any_of(trust.anchors, same) || (trust.device && same(*trust.device)))
        return check_time(leaf, now);
    std::vector<pki::Certificate> above;
    for (std::size_t i = 1; i < jws.header.certificates.size(); ++i) {
        auto certificate = pki::Certificate::parse(as_text(jws.header.certificates[i]));
        if (!certificate)
            return fail(ErrorCode::unprocessable,
                        "x5c: a certificate cannot be read: " + certificate.error().message);
        above.push_back(*std::move(certificate));
    }
    // Vendors' certificates are what their tools made: RFC 5280's identifiers may be missing.
    SIGNET_TRY(pki::verify_chain(leaf, above, trust.anchors, {.now = now, .strict = false}));
    return {};
}

}  // namespace

std::vector<pki::Certificate> certificates_of(const std::vector<sqlite::MosipAnchor>& anchors) {
    std::vector<pki::Certificate> out;
    for (const auto& anchor : anchors) {
        if (auto certificate = pki::Certificate::parse(as_text(anchor.der)))
            out.push_back(*std::move(certificate));
    }
    return out;
}

Result<pki::Jws> read_jws(std::string_view compact) {
    SIGNET_ASSIGN(auto jws, pki::parse_jws(compact, kRs256, pki::X5c::may_be_wrapped));
    if (jws.header.certificates.empty())
        return fail(ErrorCode::invalid_argument, "the JWS header has no x5c");
    return jws;
}

Status check_jws(const pki::Jws& jws, const Trust& trust, SystemTime now) {
    const auto leaf = pki::Certificate::parse(as_text(jws.header.certificates.front()));
    if (!leaf) return fail(ErrorCode::unprocessable, "x5c[0] cannot be read: " + leaf.error().message);
    if (leaf->public_key().type() != pki::KeyType::rsa)
        return fail(ErrorCode::unprocessable, "x5c[0] has no RSA key");
    SIGNET_TRY(check_path(*leaf, jws, trust, now));
    SIGNET_ASSIGN(const bool good, pki::verify(leaf->public_key(), SignAlgorithm::rs256,
                                               as_bytes(jws.signing_input), jws.signature));
    if (!good) return fail(ErrorCode::unprocessable, "the signature of the JWS does not verify");
    return {};
}

Result<pki::Jws> verify_jws(std::string_view compact, const Trust& trust, SystemTime now) {
    SIGNET_ASSIGN(auto jws, read_jws(compact));
    SIGNET_TRY(check_jws(jws, trust, now));
    return jws;
}

Result<TwoPart> read_two_part(std::string_view text) {
    const auto dot = text.find('.');
    TwoPart parts;
    if (text.size() > pki::kMaxJwsPayload || dot == std::string_view::npos ||
        text.find('.', dot + 1) != std::string_view::npos)
        return fail(ErrorCode::invalid_argument, "a JWS has three parts with dots between them");
    parts.encoded = text.substr(0, dot);
    auto payload = from_base64url(parts.encoded);
    auto signature = from_base64url(text.substr(dot + 1));
    if (!payload || !signature || signature->empty())
        return fail(ErrorCode::invalid_argument, "a part of the JWS is not unpadded base64url");
    parts.payload = *std::move(payload);
    parts.signature = *std::move(signature);
    return parts;
}

Status check_two_part(const TwoPart& parts, const Trust& trust, SystemTime now) {
    auto candidates = trust.anchors;
    if (trust.device) candidates.push_back(*trust.device);
    for (const auto& candidate : candidates) {
        if (candidate.public_key().type() != pki::KeyType::rsa || !check_time(candidate, now)) continue;
        const auto good = pki::verify(candidate.public_key(), SignAlgorithm::rs256, as_bytes(parts.encoded),
                                      parts.signature);
        if (good && *good) return {};
    }
    return fail(ErrorCode::unprocessable,
                "the signature over the payload is by no key of the vendor or the device");
}

}  // namespace signet::api::mosip
