#include "hsm/frames/operation.h"

#include <array>

namespace signet::frames {
namespace {

constexpr std::array<OperationTraits, kOperations + 1> kTraits{{
    {.name = "none"},
    {.name = "status", .lane = Lane::admin},
    {.name = "list_keys", .lane = Lane::admin},
    {.name = "find_key"},
    {.name = "generate_key", .lane = Lane::admin, .changes_token = true},
    {.name = "destroy_key", .lane = Lane::admin, .changes_token = true},
    {.name = "forget_key"},
    {.name = "sign"},
    {.name = "sign_batch", .lane = Lane::heavy},
    {.name = "mac", .secret_request = true},
    {.name = "mac_verify", .secret_request = true},
    {.name = "decrypt", .secret_reply = true},
    {.name = "random", .secret_reply = true},
    {.name = "seal", .secret_request = true},
    {.name = "unseal", .secret_reply = true},
    {.name = "generate_wrapped", .lane = Lane::admin},
    {.name = "rewrap", .lane = Lane::heavy},
    {.name = "import_certificate", .lane = Lane::admin, .changes_token = true},
    {.name = "list_certificates", .lane = Lane::admin},
    {.name = "sign_checkpoint", .changes_token = true},
    {.name = "read_anchor", .lane = Lane::admin},
    {.name = "import_secret", .lane = Lane::heavy},
    {.name = "generate_clear", .lane = Lane::admin, .secret_reply = true},
    {.name = "export_secrets", .lane = Lane::kdf, .secret_request = true},
    {.name = "import_secrets", .lane = Lane::kdf, .secret_request = true},
    {.name = "reveal_secrets", .lane = Lane::heavy, .secret_reply = true},
    {.name = "derive_secret", .lane = Lane::heavy},
    {.name = "wrap_for_backup", .lane = Lane::admin},
    {.name = "restore_key", .lane = Lane::admin, .changes_token = true},
}};

}  // namespace

const OperationTraits& traits(Operation operation) {
    return kTraits[static_cast<std::uint8_t>(operation)];
}

std::optional<Operation> operation_from(std::uint8_t value) {
    if (value == 0 || value > kOperations) return std::nullopt;
    return static_cast<Operation>(value);
}

}  // namespace signet::frames
