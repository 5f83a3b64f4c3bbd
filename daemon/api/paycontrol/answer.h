// What handlers of this family give back, and the envelope around it:
//   {"answer_type": T, "answer": {"result": {"error_message", "error_code"}, T: {…}}, "answer_version": 3}
// Errors of the application come with HTTP 200; clients read answer.result.error_code.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/api/paycontrol/error_codes.h"
#include "daemon/api/problem.h"
#include "daemon/http/message.h"

namespace signet::api::paycontrol {

// Why a request of this family fails. An Error of the services below becomes one by itself: code 100, and the HTTP status
// that the error has elsewhere.
struct Failure {
    Code code = Code::java_internal_error;
    std::string message;         // what the client sees
    std::optional<Error> cause;  // what the log sees

    Failure(Code reason, std::string text) : code(reason), message(std::move(text)) {}
    Failure(Code reason)
        : code(reason), message(describe(reason).text) {}  // NOLINT(google-explicit-constructor)
    Failure(Error error);                                  // NOLINT(google-explicit-constructor)
};

// SIGNET_TRY and SIGNET_ASSIGN work with both: Result and Status convert.
template <class T>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> fail(Code code) {
    return std::unexpected(Failure(code));
}
// With the document's text and something behind it: "Incorrect activation code. Attempts left: 3".
std::unexpected<Failure> fail(Code code, std::string_view more);

struct Reply {
    std::string type = "result_only";
    std::string json{};                     // the value of answer[type], whole; empty: there is none
    std::optional<http::Response> whole{};  // instead of an envelope: binary data
};

// The envelope as an HTTP answer.
http::Response envelope(const Reply& reply);
http::Response envelope(const Failure& failure);
// {"error_message":…,"error_code":…}
std::string result_json(Code code, std::string_view message);

// Route::error_shape: refusals of the pipeline in the envelope. Code 288 for 401 and 403, 283 for what is malformed or too
// large, 100 otherwise; the HTTP status stays.
http::Response error_shape(const ErrorContext& context);

}  // namespace signet::api::paycontrol
