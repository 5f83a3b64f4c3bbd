#include "hsm/provider/openssl_error.h"

#include <openssl/err.h>

#include <array>
#include <utility>

namespace signet::provider {
namespace {

thread_local std::optional<Error> token_error;

std::string drain_queue() {
    std::string text;
    const char* data = nullptr;
    int flags = 0;
    while (const auto code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
        std::array<char, 256> line{};
        ERR_error_string_n(code, line.data(), line.size());
        if (!text.empty()) text += "; ";
        text += line.data();
        if ((flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0') text.append(": ").append(data);
    }
    return text;
}

}  // namespace

void set_token_error(Error error) {
    token_error = std::move(error);
}

std::optional<Error> take_token_error() {
    return std::exchange(token_error, std::nullopt);
}

void clear_openssl_errors() {
    ERR_clear_error();
    token_error.reset();
}

std::unexpected<Error> fail_openssl(ErrorCode code, std::string message) {
    auto queue = drain_queue();
    if (auto error = take_token_error()) return std::unexpected(*std::move(error));
    return fail(code, std::move(message), std::move(queue));
}

}  // namespace signet::provider
