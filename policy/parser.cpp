// Reads the policy file: principals first, because rules name them.
#include <algorithm>
#include <set>

#include "base/yaml.h"
#include "policy/parse_principal.h"
#include "policy/parse_rule.h"
#include "policy/policy.h"

namespace signet::policy {
namespace {

constexpr std::size_t kMaxRules = 1000;

struct Parts {
    std::vector<Principal> principals;
    std::vector<Rule> rules;
};

Result<Parts> read(const yaml::Node& root) {
    SIGNET_TRY(root.only({"principals", "rules"}));
    Parts parts;
    if (const auto node = root.optional("principals")) {
        SIGNET_ASSIGN(parts.principals, parse_principals(*node));
    }
    std::set<std::string, std::less<>> names;
    for (const auto& principal : parts.principals)
        names.insert(principal.name);
    SIGNET_ASSIGN(const auto list, root.required("rules"));
    SIGNET_ASSIGN(const auto nodes, list.items());
    if (nodes.size() > kMaxRules) return list.error("more than " + std::to_string(kMaxRules) + " rules");
    for (const auto& node : nodes) {
        SIGNET_ASSIGN(auto rule, parse_rule(node, names));
        const auto twin = std::ranges::find(parts.rules, rule.name, &Rule::name);
        if (twin != parts.rules.end())
            return node.error("a rule '" + rule.name + "' stands at line " + std::to_string(twin->line) +
                              " already");
        parts.rules.push_back(std::move(rule));
    }
    return parts;
}

}  // namespace

Result<std::shared_ptr<const Policy>> Policy::parse(std::string_view text, std::string file_name) {
    SIGNET_ASSIGN(const auto root, yaml::Node::parse(text, file_name));
    SIGNET_ASSIGN(auto parts, read(root));
    return std::shared_ptr<const Policy>(
        new Policy(std::move(file_name), std::move(parts.principals), std::move(parts.rules)));
}

Result<std::shared_ptr<const Policy>> Policy::load(const std::filesystem::path& path) {
    SIGNET_ASSIGN(const auto root, yaml::Node::load(path));
    SIGNET_ASSIGN(auto parts, read(root));
    return std::shared_ptr<const Policy>(
        new Policy(path.string(), std::move(parts.principals), std::move(parts.rules)));
}

}  // namespace signet::policy
