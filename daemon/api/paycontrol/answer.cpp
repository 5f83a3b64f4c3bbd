#include "daemon/api/paycontrol/answer.h"

#include "daemon/api/json.h"

namespace signet::api::paycontrol {
namespace {

constexpr int kAnswerVersion = 3;

std::string envelope_text(std::string_view type, Code code, std::string_view message, std::string_view json) {
    JsonWriter out(json.size() + 256);
    out.begin_object();
    out.member("answer_type", type);
    out.key("answer");
    out.begin_object();
    out.member_raw("result", result_json(code, message));
    if (!json.empty()) out.member_raw(type, json);
    out.end_object();
    out.member("answer_version", kAnswerVersion);
    out.end_object();
    return out.take();
}

Code code_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::unauthenticated:
        case ErrorCode::permission_denied:
            return Code::http_auth_code_invalid;
        case ErrorCode::invalid_argument:
        case ErrorCode::too_large:
            return Code::json_request_incorrect;
        default:
            return Code::java_internal_error;
    }
}

}  // namespace

Failure::Failure(Error error)
    : code(code_of(error)),
      message(std::string(describe(code).text) +
              (error.code == ErrorCode::internal ? std::string() : ": " + error.message)),
      cause(std::move(error)) {}

std::unexpected<Failure> fail(Code code, std::string_view more) {
    std::string text(describe(code).text);
    if (!text.ends_with(':')) text += ':';
    text += ' ';
    text += more;
    return std::unexpected(Failure(code, std::move(text)));
}

std::string result_json(Code code, std::string_view message) {
    JsonWriter out;
    out.begin_object();
    out.member("error_message", message);
    out.member("error_code", static_cast<int>(code));
    out.end_object();
    return out.take();
}

http::Response envelope(const Reply& reply) {
    if (reply.whole) return *reply.whole;
    http::Response response;
    response.body = envelope_text(reply.type, Code::normal, describe(Code::normal).text, reply.json);
    return response;
}

http::Response envelope(const Failure& failure) {
    http::Response response;
    response.body = envelope_text("result_only", failure.code, failure.message, {});
    // What is no answer of the application says so to whoever looks at the status: a proxy, a retry.
    const bool denied = failure.cause && (failure.cause->code == ErrorCode::permission_denied ||
                                          failure.cause->code == ErrorCode::unauthenticated);
    if (failure.code == Code::java_internal_error || denied)
        response.status = failure.cause ? http_status(failure.cause->code) : 500;
    return response;
}

http::Response error_shape(const ErrorContext& context) {
    auto response = envelope(Failure(context.error));
    response.status = context.status;
    if (context.error.retry_after)
        response.headers.emplace_back("Retry-After", std::to_string(context.error.retry_after->count()));
    return response;
}

}  // namespace signet::api::paycontrol
