#include "daemon/ctl/exit_code.h"

namespace signet::ctl {

ExitCode exit_code_for(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
            return ExitCode::usage;
        case ErrorCode::unauthenticated:
        case ErrorCode::permission_denied:
            return ExitCode::refused;
        case ErrorCode::not_found:
            return ExitCode::not_found;
        case ErrorCode::already_exists:
        case ErrorCode::conflict:
        case ErrorCode::failed_precondition:
            return ExitCode::conflict;
        case ErrorCode::rate_limited:
        case ErrorCode::overloaded:
        case ErrorCode::deadline_exceeded:
        case ErrorCode::cancelled:
        case ErrorCode::token_unavailable:
        case ErrorCode::token_pin:
            return ExitCode::unavailable;
        case ErrorCode::storage_full:
        case ErrorCode::storage_failed:
            return ExitCode::storage;
        case ErrorCode::too_large:
        case ErrorCode::unprocessable:
        case ErrorCode::token_full:
        case ErrorCode::token_read_only:
        case ErrorCode::token_refused:
        case ErrorCode::unsupported:
        case ErrorCode::internal:
            return ExitCode::failed;
    }
    return ExitCode::failed;
}

}  // namespace signet::ctl
