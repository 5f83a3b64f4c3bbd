#include "policy/csr_constraints.h"

#include <algorithm>

#include "policy/glob.h"

namespace signet::policy {
namespace {

std::string join(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : ", ") + name;
    return out;
}

// A value of the caller's in a message: bounded, and on one line.
std::string quoted(std::string_view value) {
    std::string out = "'";
    for (const char c : value.substr(0, 128))
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    return out + (value.size() > 128 ? "…'" : "'");
}

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorCode::unprocessable, std::move(message));
}

Status check_subject(const CsrConstraints& constraints, const CsrFacts& facts) {
    if (constraints.any_subject) return {};
    for (const auto& [name, value] : facts.subject) {
        const auto allowed = constraints.subject.find(name);
        if (allowed == constraints.subject.end())
            return refuse("the subject may not contain " + quoted(name) + " by this rule; leave it out");
        if (!glob_match(allowed->second, value))
            return refuse("the subject's " + name + " " + quoted(value) + " does not match '" +
                          allowed->second + "'");
    }
    for (const auto& [name, pattern] : constraints.subject) {
        const bool present = std::ranges::any_of(
            facts.subject, [&](const auto& attribute) { return attribute.first == name; });
        if (!present && !glob_match(pattern, ""))
            return refuse("the subject lacks " + name + ", which must match '" + pattern + "'");
    }
    return {};
}

}  // namespace

Status check_csr(const CsrConstraints& constraints, const CsrFacts& facts) {
    SIGNET_TRY(check_subject(constraints, facts));
    if (constraints.sans) {
        for (const auto& san : facts.sans) {
            const auto matches = [&](const std::string& pattern) { return san_match(pattern, san); };
            if (!std::ranges::any_of(*constraints.sans, matches))
                return refuse("the alternative name " + quoted(san) + " is none this rule allows");
        }
    }
    if (!constraints.key_types.empty() &&
        std::ranges::find(constraints.key_types, facts.key_type) == constraints.key_types.end())
        return refuse("a key of type " + quoted(facts.key_type) + " is refused; use " +
                      join(constraints.key_types));
    if (constraints.max_validity && facts.validity > *constraints.max_validity)
        return refuse("a validity of " + std::to_string(facts.validity.count()) + " s is refused; at most " +
                      std::to_string(constraints.max_validity->count()) + " s");
    if (!constraints.profiles.empty() &&
        std::ranges::find(constraints.profiles, facts.profile) == constraints.profiles.end())
        return refuse("the profile " + quoted(facts.profile) + " is refused; use " +
                      join(constraints.profiles));
    return {};
}

}  // namespace signet::policy
