// The operations of TokenInterface as numbers on the token socket. A number is never given a second meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace signet::frames {

enum class Operation : std::uint8_t {
    status = 1,
    list_keys = 2,
    find_key = 3,
    generate_key = 4,
    destroy_key = 5,
    forget_key = 6,
    sign = 7,
    sign_batch = 8,
    mac = 9,
    mac_verify = 10,
    decrypt = 11,
    random = 12,
    seal = 13,
    unseal = 14,
    generate_wrapped = 15,
    rewrap = 16,
    import_certificate = 17,
    list_certificates = 18,
    sign_checkpoint = 19,
    read_anchor = 20,
    import_secret = 21,
    generate_clear = 22,
    export_secrets = 23,
    import_secrets = 24,
    reveal_secrets = 25,
    derive_secret = 26,
    wrap_for_backup = 27,
    restore_key = 28,
};
inline constexpr std::uint8_t kOperations = 28;

// Which of the worker's threads execute it: what may take long never stands in front of a signature.
enum class Lane : std::uint8_t {
    sign,   // microseconds
    heavy,  // milliseconds: batches, and RSA keys of more than 2048 bits
    admin,  // up to minutes: generating, listing
    kdf,    // tenths of a second of computing and nothing for the token: passwords
};

struct OperationTraits {
    std::string_view name;
    Lane lane = Lane::sign;
    bool changes_token = false;   // after a failure in between, the outcome is unknown
    bool secret_request = false;  // the message holds a plaintext
    bool secret_reply = false;
};
const OperationTraits& traits(Operation operation);
std::optional<Operation> operation_from(std::uint8_t value);

}  // namespace signet::frames
