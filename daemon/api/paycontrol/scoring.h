// Scoring of devices (Group-IB Secure Bank): what a device or its provider says about the risk of a confirmation.
#pragma once

#include <string>

#include "daemon/api/json.h"
#include "daemon/api/paycontrol/answer.h"

namespace signet::api::paycontrol {

// JSON objects as they came, or empty. `results` goes into callbacks and confirm_attempts.
struct Scoring {
    std::string results;
    std::string settings;
    std::string details;
};

// "scoring" or "scoring_results" {"gib_sb": {"score", "scoreLevel"}}, "scoring_settings", "scoring_details" of a confirmation.
// Codes: 283; 301 for a score that is none.
Outcome<Scoring> read_scoring(const JsonObject& body);
// Whether a provider calls the risk high: such a transaction is not confirmed without its user.
bool is_high_risk(const Scoring& scoring);

}  // namespace signet::api::paycontrol
