// A policy with its names resolved to bits, so that a rule that does not match costs a few instructions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/policy.h"

namespace signet::policy {

// Principals of one policy, `public` among them; a request's are kept in as many bits on the stack.
inline constexpr std::size_t kMaxPrincipals = 1024;

// Why a rule does not match, in the order in which it is looked at.
enum class Mismatch : std::uint8_t { none, permission, principal, key, algorithm, deny_undecided, window };

struct Policy::Compiled {
    using Word = std::uint64_t;
    static constexpr std::size_t kWordBits = 64;

    struct CompiledRule {
        std::vector<Word> permissions;
        std::vector<Word> principals;
    };
    // A query against this policy.
    struct Resolved {
        std::array<Word, kMaxPrincipals / kWordBits> principals{};
        std::optional<std::size_t> permission;
        SystemTime now;
    };

    Compiled(std::span<const Principal> principals, std::span<const Rule> rules);

    Resolved resolve(const Query& query) const;
    Mismatch compare(std::size_t rule_index, const Rule& rule, const Query& query,
                     const Resolved& resolved) const;
    // The first of the query's names that the rule names.
    std::string_view matching_principal(std::size_t rule_index, const Query& query) const;

  private:
    std::optional<std::size_t> index_of(std::string_view principal) const;
    std::unordered_map<std::string_view, std::size_t> principal_index_;  // views into the policy's principals
    std::vector<CompiledRule> rules_;
};

}  // namespace signet::policy
