// Everything that can go wrong with a ceremony, looked for before anything touches the token.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/ctl/ceremony/plan.h"
#include "daemon/ctl/ceremony/site.h"

namespace signet::ctl::ceremony {

struct Finding {
    bool fault = false;   // else: looked at, and good
    std::string subject;  // "token", "certificate root"
    std::string message;
};

// Opens no session with the token and changes nothing. `resuming`: outputs and token of an earlier run are expected.
std::vector<Finding> check(const Plan& plan, const Site& site, const Clock& clock, bool resuming);
bool sound(const std::vector<Finding>& findings);

// Parts of it.
void check_certificates(const Plan& plan, SystemTime now, std::vector<Finding>& findings);
void check_token(const Plan& plan, const Site& site, bool resuming, std::vector<Finding>& findings);

// Whether the token that a token.yaml names is there and has a PIN, by what the module says without a login.
Result<bool> token_has_pin(const std::filesystem::path& token_config);

}  // namespace signet::ctl::ceremony
