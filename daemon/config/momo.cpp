// momo: MTN MoMo API users and access tokens.
#include <algorithm>

#include "daemon/config/reader.h"

namespace signet::config {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kSandbox = "sandbox";

// Goes into headers, tokens and paths of logs: words of letters, digits, '.', '-', '_', ':' and '/'.
Result<std::string> read_name(const yaml::Node& node) {
    SIGNET_ASSIGN(auto text, node.text(256));
    const bool plain = std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_' || c == ':' || c == '/';
    });
    if (text.empty() || !plain) return node.error("expected a name of letters, digits and . - _ : /");
    return text;
}

Status read_balance(const yaml::Node& node, Momo& momo) {
    SIGNET_TRY(node.only({"available", "currency"}));
    if (const auto available = node.optional("available")) {
        SIGNET_ASSIGN(momo.balance, available->text(32));
        if (momo.balance.empty() || momo.balance.find_first_not_of("0123456789.") != std::string::npos)
            return available->error("expected a decimal number in quotes such as \"1000\"");
    }
    if (const auto currency = node.optional("currency")) {
        SIGNET_ASSIGN(momo.currency, currency->text(3));
        if (momo.currency.size() != 3 ||
            !std::ranges::all_of(momo.currency, [](char c) { return c >= 'A' && c <= 'Z'; }))
            return currency->error("expected a currency code of ISO 4217 such as EUR");
    }
    return {};
}

}  // namespace

Status read_failures(const yaml::Node& node, std::string_view account, std::uint32_t& per_caller,
                     std::uint32_t& per_account) {
    SIGNET_TRY(node.only({"per_caller", account}));
    for (const auto& [key, value] :
         {std::pair{std::string_view("per_caller"), &per_caller}, std::pair{account, &per_account}}) {
        if (const auto number = node.optional(key)) {
            SIGNET_ASSIGN(const auto count, number->integer(1, 1'000'000));
            *value = static_cast<std::uint32_t>(count);
        }
    }
    return {};
}

Result<Momo> read_momo(const yaml::Node& node) {
    SIGNET_TRY(node.only(
        {"sandbox", "target_environment", "issuer", "keys", "token_lifetime", "balance", "failures"}));
    Momo momo;
    if (const auto sandbox = node.optional("sandbox")) {
        SIGNET_ASSIGN(momo.sandbox, sandbox->boolean());
    }
    if (const auto environment = node.optional("target_environment")) {
        SIGNET_ASSIGN(momo.target_environment, read_name(*environment));
        if (momo.sandbox && momo.target_environment != kSandbox)
            return environment->error("in sandbox mode the target environment is sandbox; leave it out");
        if (!momo.sandbox && momo.target_environment == kSandbox)
            return environment->error("expected the name of a country's wallet, or sandbox: true");
    } else if (!momo.sandbox) {
        return node.error(
            "the key 'target_environment' is missing: the name of a country's wallet such as mtnuganda");
    }
    if (const auto issuer = node.optional("issuer")) {
        SIGNET_ASSIGN(momo.issuer, read_name(*issuer));
    }
    if (const auto keys = node.optional("keys")) {
        SIGNET_TRY(keys->only({"token", "mac"}));
        if (const auto key = keys->optional("token")) {
            SIGNET_ASSIGN(momo.token_key, read_label(*key));
        }
        if (const auto key = keys->optional("mac")) {
            SIGNET_ASSIGN(momo.mac_key, read_label(*key));
        }
    }
    if (const auto lifetime = node.optional("token_lifetime")) {
        SIGNET_ASSIGN(momo.token_lifetime, read_duration(*lifetime, 1min, 24h));
    }
    if (const auto balance = node.optional("balance")) SIGNET_TRY(read_balance(*balance, momo));
    if (const auto failures = node.optional("failures"))
        SIGNET_TRY(
            read_failures(*failures, "per_account", momo.failures_per_caller, momo.failures_per_account));
    return momo;
}

}  // namespace signet::config
