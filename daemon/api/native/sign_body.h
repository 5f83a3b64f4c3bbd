// The short cut for the bodies of the hot routes: {"algorithm":"ES256","data":"…"}.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "daemon/api/exchange.h"

namespace signet::api::native {

struct SignBody {
    std::optional<std::string_view> algorithm;
    bool is_digest = false;
    Bytes bytes;  // decoded
};

// Reads `algorithm`, and `data` or (where `digest_allowed`) `digest`; anything else is refused. Views live as long as the
// exchange. Errors: invalid_argument, too_large.
Result<SignBody> read_sign_body(const Exchange& exchange, bool digest_allowed);

// The members of a flat object of plain strings: no escapes, no other types, each name once. nullopt for every other text,
// correct JSON or not: then the real parser has its say. Exposed for its test.
struct FlatBody {
    std::optional<std::string_view> algorithm;
    std::optional<std::string_view> data;
    std::optional<std::string_view> digest;
};
std::optional<FlatBody> scan_flat_body(std::string_view text);

}  // namespace signet::api::native
