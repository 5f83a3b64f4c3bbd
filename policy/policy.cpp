#include "policy/policy.h"

#include <algorithm>

#include "policy/compiled_policy.h"
#include "policy/glob.h"
#include "policy/permissions.h"

namespace signet::policy {
namespace {

constexpr std::size_t kBits = 64;

void set_bit(std::span<std::uint64_t> words, std::size_t index) {
    words[index / kBits] |= std::uint64_t{1} << (index % kBits);
}
bool has_bit(std::span<const std::uint64_t> words, std::size_t index) {
    return (words[index / kBits] >> (index % kBits) & 1U) != 0;
}

bool any_glob(const std::vector<std::string>& patterns, std::string_view text) {
    return std::ranges::any_of(patterns,
                               [&](const std::string& pattern) { return glob_match(pattern, text); });
}

}  // namespace

Policy::Compiled::Compiled(std::span<const Principal> principals, std::span<const Rule> rules) {
    principal_index_.emplace(kPublicPrincipal, 0);
    for (const auto& principal : principals)
        principal_index_.emplace(principal.name, principal_index_.size());
    const auto words = [](std::size_t bits) { return (bits + kWordBits - 1) / kWordBits; };
    const auto known = permissions();
    for (const auto& rule : rules) {
        CompiledRule compiled{std::vector<Word>(words(known.size())),
                              std::vector<Word>(words(principal_index_.size()))};
        for (std::size_t i = 0; i < known.size(); ++i) {
            for (const auto& pattern : rule.permissions)
                if (permission_matches(pattern, known[i].name)) set_bit(compiled.permissions, i);
        }
        for (const auto& name : rule.principals) {
            if (name == "*") {
                for (std::size_t i = 1; i < principal_index_.size(); ++i)
                    set_bit(compiled.principals, i);
            } else if (const auto index = index_of(name)) {
                set_bit(compiled.principals, *index);
            }
        }
        rules_.push_back(std::move(compiled));
    }
}

std::optional<std::size_t> Policy::Compiled::index_of(std::string_view principal) const {
    const auto found = principal_index_.find(principal);
    if (found == principal_index_.end()) return std::nullopt;
    return found->second;
}

Policy::Compiled::Resolved Policy::Compiled::resolve(const Query& query) const {
    Resolved resolved;
    for (const auto& name : query.principals)
        if (const auto index = index_of(name)) set_bit(resolved.principals, *index);
    resolved.permission = permission_index(query.permission);
    resolved.now = query.now;
    return resolved;
}

Mismatch Policy::Compiled::compare(std::size_t rule_index, const Rule& rule, const Query& query,
                                   const Resolved& resolved) const {
    const auto& compiled = rules_[rule_index];
    if (!resolved.permission || !has_bit(compiled.permissions, *resolved.permission))
        return Mismatch::permission;
    Word common = 0;
    for (std::size_t i = 0; i < compiled.principals.size(); ++i)
        common |= compiled.principals[i] & resolved.principals[i];
    if (common == 0) return Mismatch::principal;
    if (!rule.keys.empty()) {
        if (!query.key) {
            if (!rule.allow) return Mismatch::deny_undecided;
        } else if (!any_glob(rule.keys, *query.key)) {
            return Mismatch::key;
        }
    }
    if (!rule.algorithms.empty()) {
        if (!query.algorithm) {
            if (!rule.allow) return Mismatch::deny_undecided;
        } else if (std::ranges::find(rule.algorithms, *query.algorithm) == rule.algorithms.end()) {
            return Mismatch::algorithm;
        }
    }
    if (rule.window && !rule.window->contains(resolved.now)) return Mismatch::window;
    return Mismatch::none;
}

std::string_view Policy::Compiled::matching_principal(std::size_t rule_index, const Query& query) const {
    for (const auto& name : query.principals) {
        const auto index = index_of(name);
        if (index && has_bit(rules_[rule_index].principals, *index)) return name;
    }
    return {};
}

Policy::Policy(std::string file, std::vector<Principal> principals, std::vector<Rule> rules)
    : file_(std::move(file)),
      principals_(std::move(principals)),
      rules_(std::move(rules)),
      compiled_(std::make_unique<const Compiled>(principals_, rules_)) {}

Policy::~Policy() = default;

std::vector<std::string> Policy::identify(const Evidence& evidence) const {
    const auto proves = [&](const Principal& principal) {
        if (evidence.uid && std::ranges::find(principal.uids, *evidence.uid) != principal.uids.end())
            return true;
        for (const auto gid : evidence.gids)
            if (std::ranges::find(principal.gids, gid) != principal.gids.end()) return true;
        if (!evidence.certificate_fingerprint.empty() &&
            std::ranges::find(principal.fingerprints, evidence.certificate_fingerprint) !=
                principal.fingerprints.end())
            return true;
        for (const auto& san : evidence.certificate_sans)
            if (std::ranges::any_of(principal.sans,
                                    [&](const auto& pattern) { return san_match(pattern, san); }))
                return true;
        bool api_key = false;
        if (evidence.api_key) {
            // All of them, each in constant time.
            for (const auto& known : principal.api_keys)
                api_key |= equal_constant_time(known, *evidence.api_key);
        }
        return api_key;
    };
    std::vector<std::string> names;
    for (const auto& principal : principals_)
        if (proves(principal)) names.push_back(principal.name);
    return names;
}

Decision Policy::evaluate(const Query& query) const {
    Decision decision;
    decision.policy = this;
    const auto resolved = compiled_->resolve(query);
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        if (compiled_->compare(i, rules_[i], query, resolved) != Mismatch::none) continue;
        decision.allowed = rules_[i].allow;
        decision.rule = &rules_[i];
        decision.principal = compiled_->matching_principal(i, query);
        return decision;
    }
    if (!query.principals.empty()) decision.principal = query.principals.front();
    return decision;
}

bool Policy::may_need_quorum(std::string_view permission) const {
    return std::ranges::any_of(rules_, [&](const Rule& rule) {
        return rule.quorum != 0 && std::ranges::any_of(rule.permissions, [&](const std::string& pattern) {
                   return permission_matches(pattern, permission);
               });
    });
}

std::string Decision::why() const {
    const std::string file = policy != nullptr ? policy->file() : "the policy";
    if (rule == nullptr) return "no rule of " + file + " allows it";
    return "rule '" + rule->name + "' (" + file + ":" + std::to_string(rule->line) + ")" +
           (rule->allow ? " allows it" : " denies it");
}

}  // namespace signet::policy
