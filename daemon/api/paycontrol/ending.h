// How a transaction ends, or why it does not: judged first, with the token's help, then settled in one database transaction
// together with its callback.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/api/json.h"
#include "daemon/api/paycontrol/context.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/api/paycontrol/scoring.h"
#include "sqlite/paycontrol_transaction_store.h"

namespace signet::api::paycontrol {

struct Ending {
    sqlite::PcTransaction transaction;
    sqlite::PcOutcome outcome = sqlite::PcOutcome::confirmed;
    std::int64_t check_time = 0;  // seconds; in the time step at which the code or signature is right
    std::string confirm_code{};
    std::string signature{};  // hex
    std::string gost_imit{};  // hex, where the configuration wants it
    Scoring scoring{};
    std::string reason{};  // of a decline or a cancellation, as the caller spelt it
    std::string decline_code{};
    std::optional<std::int64_t> key_id{};
    std::optional<std::int64_t> public_key_id{};
    Code result = Code::normal;  // otherwise: why it does not end
    std::string message{};       // of `result`
    bool tried = false;          // a code or signature was looked at: this is an attempt
    bool guessable = false;      // a short code decides
    bool wrong_code = false;     // a short code was wrong: it counts
};

struct ConfirmRequest {
    std::string code;
    std::string signature;
    std::uint32_t interval = 180;
    Scoring scoring{};
};
struct DeclineRequest {
    std::string reason;
    std::string code;
    std::uint32_t interval = 180;
};
// Of Confirm Transaction, or one of Process Operation. Codes: 283.
Outcome<ConfirmRequest> read_confirm(Call& call, const JsonObject& body);
Outcome<DeclineRequest> read_decline(Call& call, const JsonObject& body);

// What is wrong with the request itself is in Ending::result; an Outcome without value is a failure of ours.
Outcome<Ending> judge_confirm(Call& call, const UserOf& owner, sqlite::PcTransaction transaction,
                              const ConfirmRequest& request);
Outcome<Ending> judge_autosign(Call& call, const UserOf& owner, sqlite::PcTransaction transaction,
                               const ConfirmRequest& request);
Outcome<Ending> judge_decline(Call& call, const UserOf& owner, sqlite::PcTransaction transaction,
                              const DeclineRequest& request);

// 232, 267 or 281 for one that has ended; normal for one that has not.
Code state_code(const sqlite::PcTransaction& transaction, SystemTime now);

// Ends it, unless somebody else was faster: then `ending.result` says what it is now. Keeps the attempt and counts wrong codes.
Outcome<void> settle(Context& context, sqlite::Transaction& transaction, Ending& ending,
                     std::int64_t event_id);

// The callback about endings of one user: one for each transaction outside operations, one for all of an operation.
// `event` is embedded unless empty.
Outcome<void> tell(Context& context, sqlite::Transaction& transaction, const std::vector<Ending>& endings,
                   const std::string& event);

// Settles the operation's status and enqueues its one callback.
Outcome<void> tell_operation(Context& context, sqlite::Transaction& transaction, std::int64_t operation,
                             const std::vector<Ending>& endings, const std::string& event);

}  // namespace signet::api::paycontrol
