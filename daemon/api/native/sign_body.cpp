#include "daemon/api/native/sign_body.h"

#include "base/encoding.h"
#include "daemon/service/signing.h"

namespace signet::api::native {
namespace {

// Walks the text once and allocates nothing; a JSON library builds a tree first, which costs more than the policy does.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool take(char expected) {
        skip_space();
        if (rest_.empty() || rest_.front() != expected) return false;
        rest_.remove_prefix(1);
        return true;
    }
    // A string of printable ASCII without escapes; what base64 and names consist of.
    std::optional<std::string_view> string() {
        if (!take('"')) return std::nullopt;
        std::size_t end = 0;
        while (end < rest_.size() && rest_[end] != '"') {
            const char c = rest_[end++];
            if (c < ' ' || c > '~' || c == '\\') return std::nullopt;
        }
        if (end == rest_.size()) return std::nullopt;
        const auto text = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return text;
    }
    bool at_end() {
        skip_space();
        return rest_.empty();
    }

  private:
    // RFC 8259 section 2.
    void skip_space() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n' || rest_.front() == '\r' ||
                                  rest_.front() == '\t'))
            rest_.remove_prefix(1);
    }
    std::string_view rest_;
};

bool put(std::optional<std::string_view>& member, std::string_view value) {
    if (member) return false;
    member = value;
    return true;
}

Result<SignBody> decode(std::optional<std::string_view> algorithm, std::optional<std::string_view> data,
                        std::optional<std::string_view> digest) {
    if (data.has_value() == digest.has_value())
        return fail(ErrorCode::invalid_argument, "expected either data or digest, as base64");
    SignBody out;
    out.algorithm = algorithm;
    out.is_digest = digest.has_value();
    auto bytes = from_base64(data ? *data : *digest);
    if (!bytes) {
        bytes.error().message = (data ? "data: " : "digest: ") + bytes.error().message;
        return std::unexpected(std::move(bytes).error());
    }
    out.bytes = *std::move(bytes);
    return out;
}

}  // namespace

std::optional<FlatBody> scan_flat_body(std::string_view text) {
    Scanner scanner(text);
    FlatBody body;
    if (!scanner.take('{')) return std::nullopt;
    do {
        const auto name = scanner.string();
        if (!name || !scanner.take(':')) return std::nullopt;
        const auto value = scanner.string();
        if (!value) return std::nullopt;
        const bool known = (*name == "algorithm" && put(body.algorithm, *value)) ||
                           (*name == "data" && put(body.data, *value)) ||
                           (*name == "digest" && put(body.digest, *value));
        if (!known) return std::nullopt;
    } while (scanner.take(','));
    if (!scanner.take('}') || !scanner.at_end()) return std::nullopt;
    return body;
}

Result<SignBody> read_sign_body(const Exchange& exchange, bool digest_allowed) {
    if (exchange.peer().transport == http::Peer::Transport::unix_socket) {
        const auto flat = scan_flat_body(exchange.body());
        if (flat && (digest_allowed || !flat->digest))
            return decode(flat->algorithm, flat->data, flat->digest);
    }
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(digest_allowed ? body.only({"algorithm", "data", "digest"})
                              : body.only({"algorithm", "data"}));
    SIGNET_ASSIGN(const auto algorithm, body.optional_text("algorithm", 16));
    SIGNET_ASSIGN(auto data, body.optional_base64("data", service::kMaxMessage));
    SIGNET_ASSIGN(auto digest, body.optional_base64("digest", 64));
    if (data.has_value() == digest.has_value())
        return fail(ErrorCode::invalid_argument, digest_allowed ? "expected either data or digest, as base64"
                                                                : "data: expected base64 text");
    SignBody out;
    // The parsed document goes away here; the names of algorithms are constants of ours.
    if (algorithm) {
        const auto sign = sign_algorithm_from(*algorithm);
        const auto mac = mac_algorithm_from(*algorithm);
        out.algorithm = sign ? to_string(*sign) : mac ? to_string(*mac) : "?";
    }
    out.is_digest = digest.has_value();
    out.bytes = data ? *std::move(data) : *std::move(digest);
    return out;
}

}  // namespace signet::api::native
