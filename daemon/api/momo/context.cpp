#include "daemon/api/momo/context.h"

#include <algorithm>
#include <chrono>

#include "daemon/api/momo/errors.h"
#include "daemon/api/momo/secrets.h"
#include "daemon/config/current.h"

namespace signet::api::momo {
namespace {

constexpr std::string_view kHeader = "Ocp-Apim-Subscription-Key";
constexpr std::size_t kMaxKey = 64;

SteadyTime now() {
    return std::chrono::steady_clock::now();
}

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

config::Momo Context::settings() const {
    const auto config = services.config.get();
    // A reload that drops the section takes effect at the next start.
    return config->momo.value_or(config::Momo{});
}

Status admit_caller(Context& context, const Exchange& exchange) {
    return context.attempts.admit("caller", guesser_of(exchange), context.settings().failures_per_caller,
                                  now());
}
void caller_failed(Context& context, const Exchange& exchange) {
    context.attempts.failed("caller", guesser_of(exchange), context.settings().failures_per_caller, now());
}
Status admit_account(Context& context, std::string_view user) {
    return context.attempts.admit("user", user, context.settings().failures_per_account, now());
}
void account_failed(Context& context, std::string_view user) {
    context.attempts.failed("user", user, context.settings().failures_per_account, now());
}

Result<sqlite::MomoSubscription> subscription_of(Context& context, const Exchange& exchange) {
    const auto& headers = exchange.request().headers;
    if (!headers.has(kHeader)) return subscription_missing();
    SIGNET_TRY(admit_caller(context, exchange));
    const auto key = headers.get(kHeader);
    if (headers.count(kHeader) == 1 && !key.empty() && key.size() <= kMaxKey) {
        SIGNET_ASSIGN(auto found, find_subscription(context.services, context.settings(), key,
                                                    Deadline{exchange.deadline()}));
        if (found) return *std::move(found);
    }
    caller_failed(context, exchange);
    return subscription_invalid();
}

Result<std::string> read_uuid(std::string_view text, std::string_view what) {
    // RFC 9562 section 4: 8-4-4-4-12 hex digits, in either case.
    const auto fits = [&](std::size_t at) {
        const bool dash = at == 8 || at == 13 || at == 18 || at == 23;
        return dash ? text[at] == '-' : is_hex(text[at]);
    };
    bool uuid = text.size() == 36;
    for (std::size_t i = 0; uuid && i < text.size(); ++i)
        uuid = fits(i);
    if (!uuid) return fail(ErrorCode::invalid_argument, std::string(what) + ": expected a UUID");
    std::string out(text);
    std::ranges::transform(
        out, out.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

}  // namespace signet::api::momo
