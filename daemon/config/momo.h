// momo of signetd.yaml: API users, API keys and access tokens of MTN MoMo (docs/momo-protocol.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace signet::config {

struct Momo {
    bool sandbox = false;  // anyone with a subscription key provisions; the target environment is `sandbox`
    std::string target_environment = "sandbox";  // "mtnuganda", …
    std::string issuer = "signet";               // `iss` of the access tokens
    std::string token_key = "momo.token";        // signs the access tokens; usage sign
    std::string mac_key = "momo.mac";            // keys shown once are kept as MACs under it; usage mac
    std::chrono::milliseconds token_lifetime = std::chrono::hours(1);
    std::string balance = "1000";  // what the stub of account/balance answers
    std::string currency = "EUR";
    // Wrong credentials in a minute, after which a caller, or an account, is refused for a while.
    std::uint32_t failures_per_caller = 60;
    std::uint32_t failures_per_account = 20;
};

}  // namespace signet::config
