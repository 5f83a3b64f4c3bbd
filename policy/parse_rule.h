// One entry of `rules` in the policy file; included by parser.cpp only (yaml-cpp is heavy).
#pragma once

#include <set>
#include <string>

#include "base/yaml.h"
#include "policy/rule.h"

namespace signet::policy {

Result<Rule> parse_rule(const yaml::Node& node, const std::set<std::string, std::less<>>& principals);

}  // namespace signet::policy
