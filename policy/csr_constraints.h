// What a rule lets a CSR ask for.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace signet::policy {

struct CsrConstraints {
    // Attribute short name (CN, O, OU, C, L, ST, serialNumber) to the pattern each of its values must match;
    // `*` stands for any characters. An attribute that is not listed must be absent, unless `any_subject`. A
    // listed attribute that is absent counts as the empty text, which only `*` matches.
    std::map<std::string, std::string> subject;
    bool any_subject = false;
    // Patterns over subject alternative names ("dns:*.example", see san_match); nullopt: whatever the profile
    // takes.
    std::optional<std::vector<std::string>> sans;
    std::vector<std::string> key_types;  // "rsa-2048", "ec-p256", …; empty: all the profile allows
    std::optional<std::chrono::seconds> max_validity;
    std::vector<std::string> profiles;  // empty: all
    bool operator==(const CsrConstraints&) const = default;
};

// What a request for a certificate asks for, read by whoever parsed it.
struct CsrFacts {
    std::vector<std::pair<std::string, std::string>> subject;  // short name, UTF-8 value; in the CSR's order
    std::vector<std::string> sans;                             // "dns:…", "uri:…", "email:…", "ip:…"
    std::string key_type;                                      // "ec-p256"
    std::chrono::seconds validity{0};                          // of the certificate that would be issued
    std::string profile;
};

// Error: unprocessable; the message names the first thing that is refused and what would be allowed.
Status check_csr(const CsrConstraints& constraints, const CsrFacts& facts);

}  // namespace signet::policy
