// What a rule lets a CSR ask for.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace signet::policy {

struct CsrConstraints {
    // Attribute short name (CN, O, OU, C, L, ST, serialNumber) to the pattern its value must match; `*` stands for any
    // characters. An attribute that is not listed must be absent, unless `any_subject`.
    std::map<std::string, std::string> subject;
    bool any_subject = false;
    std::vector<std::string> key_types;              // "rsa-2048", "ec-p256", …; empty: all the profile allows
    std::optional<std::chrono::seconds> max_validity;
    std::vector<std::string> profiles;               // empty: all
};

}  // namespace signet::policy
