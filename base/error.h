// The one error type of the code base: a protocol-neutral code, a message for the person who asked,
// and a detail that only the log sees.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace signet {

// Protocol-neutral reasons. Each boundary (HTTP, command line, token socket) has one table that maps them.
enum class ErrorCode : std::uint8_t {
    invalid_argument = 1,     // the input is malformed or out of range; the same input will never work
    unauthenticated = 2,      // who asks is not known
    permission_denied = 3,    // who asks is known and may not
    not_found = 4,            // the named object does not exist
    already_exists = 5,       // an object of that name exists
    conflict = 6,             // the object's state forbids it now, or a concurrent request was first
    failed_precondition = 7,  // something must be done first; the message says what
    too_large = 8,            // the input is over its documented bound
    unprocessable = 9,  // well-formed, but its content is refused (an idempotency key with another body, a
                        // CSR a profile refuses)
    rate_limited = 10,  // a rate of the policy is used up; `retry_after` is set
    overloaded = 11,    // a bounded queue of ours is full; `retry_after` is set
    deadline_exceeded = 12,  // it took longer than the request's deadline
    cancelled = 13,          // the peer or a shutdown ended it
    token_unavailable = 20,  // the token, its module or its process is gone or restarting; may be tried again
    token_pin = 21,          // the token refused the PIN or must not be asked again; an operator is needed
    token_full = 22,         // the token has no room for the object
    token_read_only = 23,    // the token does not take writes
    token_refused = 24,   // the token or a per-key rule refused the operation (mechanism, usage, attribute)
    storage_full = 30,    // the disk under the database is full
    storage_failed = 31,  // the database failed in another way
    unsupported = 40,     // the appliance or the token does not offer it
    internal = 50,        // a defect of ours; the detail says where
};

// Stable lower-case name, as used in problem documents, logs and `--json` output.
std::string_view to_string(ErrorCode code);
std::optional<ErrorCode> error_code_from(std::uint8_t value);

struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string
        message;  // for the caller: what happened, on which object, what to do next; lower case, no full stop
    std::string detail;  // for the log only: CKR and SQLite codes, errno texts; never a secret
    std::optional<std::chrono::seconds> retry_after{};

    // True where the same request may succeed later without anybody changing it.
    bool retryable() const;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string detail = {}) {
    return std::unexpected(Error{code, std::move(message), std::move(detail)});
}

}  // namespace signet

#define SIGNET_CONCAT_INNER(a, b) a##b
#define SIGNET_CONCAT(a, b) SIGNET_CONCAT_INNER(a, b)
// Returns the error of `expression` from the enclosing function; used where a Result's value is not needed.
#define SIGNET_TRY(expression) SIGNET_TRY_IMPL(SIGNET_CONCAT(signet_try_, __COUNTER__), expression)
#define SIGNET_TRY_IMPL(temporary, expression)                      \
    do {                                                            \
        if (auto temporary = (expression); !temporary) [[unlikely]] \
            return std::unexpected(std::move(temporary).error());   \
    } while (false)

// `SIGNET_ASSIGN(auto key, find(label));` declares `key` or returns the error.
#define SIGNET_ASSIGN(declaration, expression) \
    SIGNET_ASSIGN_IMPL(SIGNET_CONCAT(signet_assign_, __COUNTER__), declaration, expression)
#define SIGNET_ASSIGN_IMPL(temporary, declaration, expression) \
    auto temporary = (expression);                             \
    if (!temporary) [[unlikely]]                               \
        return std::unexpected(std::move(temporary).error());  \
    declaration = *std::move(temporary)
