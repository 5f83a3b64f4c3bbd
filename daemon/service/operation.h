// What a quorum approves: one request, to the letter; and what an approver signs.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"

namespace signet::service {

// The texts live as long as the request.
struct Operation {
    std::string_view permission;  // "keys.destroy"
    std::string_view resource;    // what the policy's `keys` globs applied to; may be empty
    std::string_view verb;        // "POST"
    std::string_view route;       // the pattern: "/v1/keys/{label}/destroy"
    std::string_view path;        // as it was sent
    std::vector<std::pair<std::string_view, std::string_view>> parameters;  // of the path, decoded
    std::string_view query;                                                 // as it was sent
    std::string_view body;                                                  // as it was sent
    std::string_view principal;                                             // who asks, by the policy's name
};

// SHA-256("signet-operation-1" ‖ 0 ‖ verb ‖ route ‖ count (4) ‖ each parameter's name and value ‖ query ‖ SHA-256 of the
// body ‖ principal), each text with a 4-byte big-endian length. By the body's digest, so that an approver who was shown
// no more than that of a large body can check it too.
Sha256 operation_digest(const Operation& operation);
Sha256 operation_digest(const Operation& operation, const Sha256& body_digest);

enum class Verdict : std::uint8_t { approve, reject };
std::string_view to_string(Verdict verdict);  // "approve", "reject"

// What the approver's key signs, by its default algorithm (RS256, ES256, ES384, EdDSA): "signet-approval-1" ‖ 0 ‖ id ‖
// verdict ‖ digest; the texts with a 4-byte length.
Bytes approval_message(std::string_view id, Verdict verdict, const Sha256& digest);

}  // namespace signet::service
