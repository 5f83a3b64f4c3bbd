// Who may do what with which key: rules from one YAML file, deny by default.
//
// Rules are read from top to bottom. A rule matches when principal, permission, key, algorithm and time window all
// match; the first rule that matches decides (allow or deny), and its limits (rate, quorum, CSR constraints) apply.
// No match: refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
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

// What is asked. Left out (nullopt) means "not known yet": such a criterion matches every rule, so a refusal is final
// and an allowance is provisional; the caller decides again once it knows.
struct Query {
    std::vector<std::string> principals;  // all names the evidence proves, most specific first; `public` when anonymous
    std::string_view permission;          // "keys.sign"
    std::string_view key;                 // a key label or another resource name; empty when the route has none
    std::optional<std::string_view> algorithm{};
    SystemTime now;
};

struct Decision {
    bool allowed = false;
    const Rule* rule = nullptr;  // the one that decided; null when none matched. Lives as long as the Policy.
    std::string principal;       // the name under which the rule matched; the first of the query when none did
    std::string why;             // for people: "rule 'devices' (policy.yaml:31) allows it", "no rule …"
};

class Policy {
  public:
    // Errors name file, line and what was expected.
    static Result<std::shared_ptr<const Policy>> parse(std::string_view text, std::string file_name);
    static Result<std::shared_ptr<const Policy>> load(const std::filesystem::path& path);

    // The names of all principals that the evidence proves, in file order; empty for a stranger.
    std::vector<std::string> identify(const Evidence& evidence) const;
    Decision evaluate(const Query& query) const;

    const std::vector<Rule>& rules() const { return rules_; }
    const std::vector<Principal>& principals() const { return principals_; }
    const std::string& file() const { return file_; }

  private:
    std::string file_;
    std::vector<Principal> principals_;
    std::vector<Rule> rules_;
};

// One line per principal or rule that was added, removed or changed; for the log after a reload.
std::vector<std::string> differences(const Policy& before, const Policy& after);

}  // namespace signet::policy
