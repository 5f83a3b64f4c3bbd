#include <string>

#include "policy/compiled_policy.h"
#include "policy/permissions.h"
#include "policy/policy.h"

namespace signet::policy {
namespace {

std::string join(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : ", ") + name;
    return out;
}

std::string reason(Mismatch mismatch, const Rule& rule, const Query& query) {
    switch (mismatch) {
        case Mismatch::none:
            return "matches";
        case Mismatch::permission:
            return "no match: it is about the permissions " + join(rule.permissions);
        case Mismatch::principal:
            return "no match: it is about the principals " + join(rule.principals);
        case Mismatch::key:
            if (query.key.value_or("").empty())
                return "no match: it is about the keys " + join(rule.keys) + ", and no key is asked for";
            return "no match: it is about the keys " + join(rule.keys);
        case Mismatch::algorithm:
            return "no match: it is about the algorithms " + join(rule.algorithms);
        case Mismatch::deny_undecided:
            if (!query.key && !rule.keys.empty())
                return "passed over: it denies the keys " + join(rule.keys) +
                       ", and the key is not known yet";
            return "passed over: it denies the algorithms " + join(rule.algorithms) +
                   ", and the algorithm is not known yet";
        case Mismatch::window:
            return "no match: its time window does not hold " + to_rfc3339(query.now);
    }
    return {};
}

std::string limits(const Rule& rule) {
    std::string out;
    if (rule.rate)
        out += "; rate: " + std::to_string(rule.rate->count) + " in " +
               std::to_string(rule.rate->per.count()) + " ms";
    if (rule.quorum > 0) out += "; approvals needed: " + std::to_string(rule.quorum);
    if (rule.csr) out += "; its CSR constraints are checked with the request";
    return out;
}

}  // namespace

std::string explain(const Policy& policy, const Query& query) {
    std::string out = "principals: " + (query.principals.empty() ? "(none)" : join(query.principals));
    out += "\npermission: " + std::string(query.permission);
    if (!permission_index(query.permission))
        out += " (unknown; the nearest is " + std::string(nearest_permission(query.permission)) + ")";
    const auto known = [](const std::optional<std::string_view>& text) -> std::string {
        if (!text) return "(not known yet)";
        return text->empty() ? "(none)" : std::string(*text);
    };
    out += "\nkey: " + known(query.key);
    out += "\nalgorithm: " + known(query.algorithm);
    out += "\ntime: " + to_rfc3339(query.now) + "\n";

    const auto resolved = policy.compiled_->resolve(query);
    const auto decision = policy.evaluate(query);
    for (std::size_t i = 0; i < policy.rules_.size(); ++i) {
        const auto& rule = policy.rules_[i];
        const auto mismatch = policy.compiled_->compare(i, rule, query, resolved);
        out += policy.file_ + ":" + std::to_string(rule.line) + ": rule '" + rule.name + "' (" +
               (rule.allow ? "allow" : "deny") + "): ";
        if (&rule == decision.rule)
            out += "matches '" + decision.principal + "' and decides";
        else if (mismatch == Mismatch::none)
            out += "would match, but an earlier rule decided";
        else
            out += reason(mismatch, rule, query);
        out += "\n";
    }
    out += decision.allowed ? "allowed: " : "refused: ";
    out += decision.why();
    if (decision.allowed && decision.rule != nullptr) out += limits(*decision.rule);
    return out + "\n";
}

}  // namespace signet::policy
