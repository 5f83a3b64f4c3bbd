#include "base/error.h"

#include <array>

namespace signet {
namespace {

struct Name {
    ErrorCode code;
    std::string_view name;
};

constexpr std::array kNames{
    Name{ErrorCode::invalid_argument, "invalid_argument"},
    Name{ErrorCode::unauthenticated, "unauthenticated"},
    Name{ErrorCode::permission_denied, "permission_denied"},
    Name{ErrorCode::not_found, "not_found"},
    Name{ErrorCode::already_exists, "already_exists"},
    Name{ErrorCode::conflict, "conflict"},
    Name{ErrorCode::failed_precondition, "failed_precondition"},
    Name{ErrorCode::too_large, "too_large"},
    Name{ErrorCode::unprocessable, "unprocessable"},
    Name{ErrorCode::rate_limited, "rate_limited"},
    Name{ErrorCode::overloaded, "overloaded"},
    Name{ErrorCode::deadline_exceeded, "deadline_exceeded"},
    Name{ErrorCode::cancelled, "cancelled"},
    Name{ErrorCode::token_unavailable, "token_unavailable"},
    Name{ErrorCode::token_pin, "token_pin"},
    Name{ErrorCode::token_full, "token_full"},
    Name{ErrorCode::token_read_only, "token_read_only"},
    Name{ErrorCode::token_refused, "token_refused"},
    Name{ErrorCode::storage_full, "storage_full"},
    Name{ErrorCode::storage_failed, "storage_failed"},
    Name{ErrorCode::unsupported, "unsupported"},
    Name{ErrorCode::internal, "internal"},
};

}  // namespace

std::string_view to_string(ErrorCode code) {
    for (const auto& entry : kNames) {
        if (entry.code == code) return entry.name;
    }
    return "internal";
}

std::optional<ErrorCode> error_code_from(std::uint8_t value) {
    for (const auto& entry : kNames) {
        if (static_cast<std::uint8_t>(entry.code) == value) return entry.code;
    }
    return std::nullopt;
}

bool Error::retryable() const {
    switch (code) {
        case ErrorCode::rate_limited:
        case ErrorCode::overloaded:
        case ErrorCode::deadline_exceeded:
        case ErrorCode::token_unavailable:
        case ErrorCode::storage_full:
            return true;
        default:
            return false;
    }
}

}  // namespace signet
