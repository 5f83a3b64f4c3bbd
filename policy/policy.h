// Who may do what with which key: rules from one YAML file, deny by default.
//
// Rules are read from top to bottom. A rule matches when principal, permission, key, algorithm and time
// window all match; the first rule that matches decides (allow or deny), and its limits (rate, quorum, CSR
// constraints) apply. No match: refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "policy/csr_constraints.h"
#include "policy/evidence.h"
#include "policy/rule.h"

namespace signet::policy {

class Policy;

// The name of the caller who proves nothing, on listeners that admit such callers.
inline constexpr std::string_view kPublicPrincipal = "public";

// What is asked.
struct Query {
    std::vector<std::string>
        principals;  // all names the evidence proves, most specific first; `public` when anonymous
    std::string_view permission;  // "keys.sign"
    // For key and algorithm, nullopt means "not known yet": a rule that names some then matches if it allows
    // and is passed over if it denies, so that a refusal is final and an allowance provisional; the caller
    // decides again once it knows. Empty where the operation has none: a rule that names some then does not
    // match.
    std::optional<std::string_view> key{""};  // a key label or another resource name
    std::optional<std::string_view> algorithm{};
    SystemTime now;
};

struct Decision {
    bool allowed = false;
    const Rule* rule = nullptr;  // the one that decided; null when none matched. Lives as long as the Policy.
    std::string principal;  // the name under which the rule matched; the first of the query when none did
    const Policy* policy = nullptr;  // the one that decided

    // For people: "rule 'devices' (policy.yaml:31) allows it", "no rule of policy.yaml allows it". Built on
    // demand, because allowances are asked for far more often than their reasons.
    std::string why() const;
};

class Policy {
  public:
    // Errors name file, line and what was expected.
    static Result<std::shared_ptr<const Policy>> parse(std::string_view text, std::string file_name);
    static Result<std::shared_ptr<const Policy>> load(const std::filesystem::path& path);

    Policy(const Policy&) = delete;
    Policy& operator=(const Policy&) = delete;
    ~Policy();

    // The names of all principals that the evidence proves, in file order; empty for a stranger.
    std::vector<std::string> identify(const Evidence& evidence) const;
    // No locks and no allocation but for a long principal name.
    Decision evaluate(const Query& query) const;
    // The CSR constraints are no part of `evaluate`: a caller checks them once the request is parsed
    // (check_csr).

    // Whether some rule about this permission wants approvals: then a request may have to be kept for a while.
    bool may_need_quorum(std::string_view permission) const;

    const std::vector<Rule>& rules() const { return rules_; }
    const std::vector<Principal>& principals() const { return principals_; }
    const std::string& file() const { return file_; }

  private:
    friend std::string explain(const Policy& policy, const Query& query);
    Policy(std::string file, std::vector<Principal> principals, std::vector<Rule> rules);

    struct Compiled;  // evaluator.cpp: names resolved to bits
    std::string file_;
    std::vector<Principal> principals_;
    std::vector<Rule> rules_;
    std::unique_ptr<const Compiled> compiled_;
};

// Walks through every rule and says why it did or did not match, with its line; the last line is the
// decision.
std::string explain(const Policy& policy, const Query& query);

// One line per principal or rule that was added, removed, moved or changed; for the log after a reload.
std::vector<std::string> differences(const Policy& before, const Policy& after);

}  // namespace signet::policy
