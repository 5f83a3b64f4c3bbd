#include "hsm/pki/jws.h"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "base/encoding.h"
#include "hsm/pki/signature.h"

namespace signet::pki {
namespace {

namespace json = boost::json;

std::unexpected<Error> malformed(std::string message) {
    return fail(ErrorCode::invalid_argument, std::move(message));
}

// Names of header members that tell us how to verify, or where to fetch a key: a message must not decide that.
constexpr std::array<std::string_view, 6> kRefusedMembers{"crit", "b64", "jwk", "jku", "x5u", "zip"};

// Sees the members of the outermost object, to find names that come twice: boost::json::object keeps the last one silently,
// and two readers that keep different ones disagree about what was signed (RFC 7515 section 4).
struct DuplicateFinder {
    static constexpr std::size_t max_object_size = 64;
    static constexpr std::size_t max_array_size = 64;
    static constexpr std::size_t max_key_size = 256;
    static constexpr std::size_t max_string_size = kMaxJwsHeader;

    int depth = 0;
    bool duplicate = false;
    std::string name;
    std::set<std::string, std::less<>> names;

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code&) { return ++depth > 0; }
    bool on_object_end(std::size_t, json::error_code&) { return depth-- > 0; }
    bool on_array_begin(json::error_code&) { return ++depth > 0; }
    bool on_array_end(std::size_t, json::error_code&) { return depth-- > 0; }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        name.append(part.data(), part.size());
        return true;
    }
    bool on_key(json::string_view part, std::size_t, json::error_code&) {
        name.append(part.data(), part.size());
        if (depth == 1 && !names.insert(name).second) duplicate = true;
        name.clear();
        return true;
    }
    bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
    bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
    bool on_number_part(json::string_view, json::error_code&) { return true; }
    bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
    bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
    bool on_double(double, json::string_view, json::error_code&) { return true; }
    bool on_bool(bool, json::error_code&) { return true; }
    bool on_null(json::error_code&) { return true; }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }
};

Result<json::object> parse_object(std::string_view text) {
    json::basic_parser<DuplicateFinder> finder(json::parse_options{});
    json::error_code code;
    finder.write_some(false, text.data(), text.size(), code);
    if (code || finder.handler().duplicate)
        return malformed("the JWS header is not JSON, or has a member twice");
    auto value = json::parse(json::string_view(text.data(), text.size()), code);
    if (code || !value.is_object()) return malformed("the JWS header is not a JSON object");
    return std::move(value.as_object());
}

Status read_text(const json::object& object, std::string_view name, std::optional<std::string>& out) {
    const auto* member = object.if_contains(name);
    if (member == nullptr) return {};
    if (!member->is_string() || member->as_string().size() > 1024)
        return malformed("the member '" + std::string(name) +
                         "' of the JWS header is not a text of at most 1024 bytes");
    out.emplace(member->as_string().data(), member->as_string().size());
    return {};
}

// Standard base64, not base64url (RFC 7515 section 4.1.6).
Status read_chain(const json::object& object, X5c x5c, std::vector<Bytes>& out) {
    const auto* member = object.if_contains("x5c");
    if (member == nullptr) return {};
    const auto* list = member->if_array();
    if (list == nullptr || list->empty() || list->size() > kMaxJwsChain)
        return malformed("the member 'x5c' of the JWS header is not a list of one to eight certificates");
    for (const auto& item : *list) {
        const auto text = item.is_string() ? std::string_view(item.as_string()) : std::string_view{};
        auto der = x5c == X5c::may_be_wrapped ? from_base64_wrapped(text) : from_base64(text);
        if (!der || der->empty())
            return malformed("a certificate in the member 'x5c' of the JWS header is not base64");
        out.push_back(*std::move(der));
    }
    return {};
}

Result<JwsHeader> read_header(std::string_view text, std::span<const SignAlgorithm> allowed, X5c x5c) {
    SIGNET_ASSIGN(const auto object, parse_object(text));
    for (const auto name : kRefusedMembers) {
        if (object.contains(name))
            return malformed("the JWS header has the member '" + std::string(name) +
                             "', which is not accepted");
    }
    const auto* alg = object.if_contains("alg");
    if (alg == nullptr || !alg->is_string()) return malformed("the JWS header has no 'alg'");
    JwsHeader header;
    const auto algorithm = sign_algorithm_from({alg->as_string().data(), alg->as_string().size()});
    if (!algorithm || std::ranges::find(allowed, *algorithm) == allowed.end())
        return malformed("the algorithm of the JWS is not among those accepted here");
    header.algorithm = *algorithm;
    SIGNET_TRY(read_text(object, "kid", header.key_id));
    SIGNET_TRY(read_text(object, "typ", header.type));
    SIGNET_TRY(read_text(object, "cty", header.content_type));
    SIGNET_TRY(read_chain(object, x5c, header.certificates));
    return header;
}

bool is_ecdsa(SignAlgorithm algorithm) {
    return algorithm == SignAlgorithm::es256 || algorithm == SignAlgorithm::es384;
}

}  // namespace

Result<std::string> jws_signing_input(const JwsHeader& header, ByteView payload) {
    if (payload.size() > kMaxJwsPayload)
        return fail(ErrorCode::too_large, "the payload of a JWS is 1 MiB at most");
    if (header.certificates.size() > kMaxJwsChain)
        return fail(ErrorCode::too_large, "the chain in a JWS is eight certificates at most");
    json::object object;
    object["alg"] = json::string_view(to_string(header.algorithm));
    if (header.type) object["typ"] = *header.type;
    if (header.content_type) object["cty"] = *header.content_type;
    if (header.key_id) object["kid"] = *header.key_id;
    for (const auto* text : {&header.type, &header.content_type, &header.key_id}) {
        if (*text && ((*text)->size() > 1024 || !is_utf8(**text)))
            return malformed("a member of the JWS header is over 1024 bytes or not UTF-8");
    }
    if (!header.certificates.empty()) {
        json::array chain;
        for (const auto& certificate : header.certificates)
            chain.emplace_back(to_base64(certificate));
        object["x5c"] = std::move(chain);
    }
    const auto text = json::serialize(object);
    if (text.size() > kMaxJwsHeader)
        return fail(ErrorCode::too_large, "the header of a JWS is 16 KiB at most");
    return to_base64url(as_bytes(text)) + "." + to_base64url(payload);
}

Result<std::string> jws_attach_signature(std::string signing_input, SignAlgorithm algorithm,
                                         ByteView signature) {
    if (!is_ecdsa(algorithm)) return std::move(signing_input) + "." + to_base64url(signature);
    SIGNET_ASSIGN(const auto raw, ecdsa_der_to_raw(algorithm, signature));
    return std::move(signing_input) + "." + to_base64url(raw);
}

Result<std::string> sign_jws(TokenInterface& token, const KeySelector& key, KeyUsage purpose,
                             const JwsHeader& header, ByteView payload, Deadline deadline) {
    SIGNET_ASSIGN(auto input, jws_signing_input(header, payload));
    SIGNET_ASSIGN(const auto signature,
                  sign(token, key, header.algorithm, purpose, as_bytes(input), deadline));
    return jws_attach_signature(std::move(input), header.algorithm, signature);
}

Result<Jws> parse_jws(std::string_view compact, std::span<const SignAlgorithm> allowed, X5c x5c) {
    if (compact.size() > (kMaxJwsPayload + kMaxJwsHeader) / 3 * 4 + 1024)
        return fail(ErrorCode::too_large, "the JWS is over the bound of 1 MiB of payload");
    const auto first = compact.find('.');
    const auto second = first == std::string_view::npos ? first : compact.find('.', first + 1);
    if (second == std::string_view::npos || compact.find('.', second + 1) != std::string_view::npos)
        return malformed("a compact JWS has three parts with dots between them");
    if (first > kMaxJwsHeader / 3 * 4)
        return fail(ErrorCode::too_large, "the header of the JWS is over 16 KiB");
    const auto header = from_base64url(compact.substr(0, first));
    auto payload = from_base64url(compact.substr(first + 1, second - first - 1));
    auto signature = from_base64url(compact.substr(second + 1));
    if (!header || !payload || !signature || header->empty() || signature->empty())
        return malformed("a part of the JWS is not unpadded base64url");
    SIGNET_ASSIGN(auto members, read_header(as_text(*header), allowed, x5c));
    return Jws{std::move(members), *std::move(payload), std::string(compact.substr(0, second)),
               *std::move(signature)};
}

Result<Jws> verify_jws(std::string_view compact, const PublicKey& key,
                       std::span<const SignAlgorithm> allowed) {
    SIGNET_ASSIGN(auto jws, parse_jws(compact, allowed));
    auto signature = jws.signature;
    if (is_ecdsa(jws.header.algorithm)) {
        SIGNET_ASSIGN(signature, ecdsa_raw_to_der(jws.header.algorithm, jws.signature));
    }
    SIGNET_ASSIGN(const auto good, verify(key, jws.header.algorithm, as_bytes(jws.signing_input), signature));
    if (!good) return fail(ErrorCode::unprocessable, "the signature of the JWS does not verify");
    return jws;
}

}  // namespace signet::pki
