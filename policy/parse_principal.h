// The `principals` part of the policy file; included by parser.cpp only (yaml-cpp is heavy).
#pragma once

#include <vector>

#include "base/yaml.h"
#include "policy/rule.h"

namespace signet::policy {

// Names of users and groups are looked up now: one that does not exist is an error.
Result<std::vector<Principal>> parse_principals(const yaml::Node& node);
// A lower-case word of a-z, 0-9, '-', '_' and '.', beginning with a letter, 64 bytes at most.
bool is_name(std::string_view text);

}  // namespace signet::policy
