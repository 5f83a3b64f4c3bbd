#include "daemon/api/paycontrol/ending.h"

#include "daemon/api/paycontrol/callbacks.h"
#include "daemon/config/paycontrol.h"
#include "sqlite/paycontrol_operation_store.h"

namespace signet::api::paycontrol {
namespace {

namespace store = sqlite::paycontrol_transaction_store;
using sqlite::PcOutcome;

bool confirms(PcOutcome outcome) {
    return outcome == PcOutcome::confirmed || outcome == PcOutcome::autosigned;
}

Outcome<void> keep_attempt(sqlite::Transaction& transaction, const Ending& ending, std::int64_t event_id,
                           SystemTime now) {
    if (!ending.tried || !confirms(ending.outcome)) return {};
    SIGNET_TRY(store::insert_attempt(transaction, {.transaction = ending.transaction.id,
                                                   .event_id = event_id,
                                                   .result = static_cast<std::uint32_t>(ending.result),
                                                   .signature = ending.signature,
                                                   .confirm_code = ending.confirm_code,
                                                   .check_time = ending.check_time,
                                                   .gost_imit = ending.gost_imit,
                                                   .key_id = ending.key_id,
                                                   .public_key_id = ending.public_key_id,
                                                   .scoring = ending.scoring.results,
                                                   .scoring_settings = ending.scoring.settings,
                                                   .scoring_details = ending.scoring.details,
                                                   .created = now}));
    return {};
}

Outcome<std::string> callback_url(sqlite::Connection& db, const std::string& own,
                                  std::string_view system_id) {
    if (!own.empty()) return own;
    SIGNET_ASSIGN(const auto system, sqlite::paycontrol_system_store::find(db, system_id));
    return system ? system->callback_url : std::string();
}

}  // namespace

Outcome<void> settle(Context& context, sqlite::Transaction& transaction, Ending& ending,
                     std::int64_t event_id) {
    const auto now = context.now();
    if (ending.result == Code::normal) {
        const auto settings = context.settings();
        store::Finish how{.outcome = ending.outcome,
                          .clean = confirms(ending.outcome) && settings->clean_confirmed};
        // Guesses that came at the same time count as if they had come one after the other.
        if (ending.guessable) how.wrong_limit = settings->attempts;
        SIGNET_ASSIGN(const bool ended, store::finish(transaction, ending.transaction, how, now));
        if (!ended) {
            SIGNET_ASSIGN(const auto fresh, store::find_row(transaction.db(), ending.transaction.id));
            ending.result = fresh ? state_code(*fresh, now) : Code::transaction_is_null;
            if (ending.result == Code::normal) ending.result = Code::otp_is_not_valid;
            ending.message = describe(ending.result).text;
            return {};
        }
    } else if (ending.wrong_code) {
        SIGNET_TRY(store::count_wrong_code(transaction, ending.transaction.id));
    }
    return keep_attempt(transaction, ending, event_id, now);
}

Outcome<void> tell_operation(Context& context, sqlite::Transaction& transaction, std::int64_t row,
                             const std::vector<Ending>& endings, const std::string& event) {
    SIGNET_ASSIGN(const auto operation,
                  sqlite::paycontrol_operation_store::settle(transaction, row, context.now()));
    SIGNET_ASSIGN(const auto url,
                  callback_url(transaction.db(), operation.callback_url, operation.system_id));
    SIGNET_TRY(enqueue_callback(context, transaction, url, "operation_callback",
                                operation_callback(operation, endings, event)));
    return {};
}

Outcome<void> tell(Context& context, sqlite::Transaction& transaction, const std::vector<Ending>& endings,
                   const std::string& event) {
    if (endings.empty()) return {};
    if (const auto& operation = endings.front().transaction.operation)
        return tell_operation(context, transaction, *operation, endings, event);
    for (const auto& ending : endings) {
        const auto& ended = ending.transaction;
        SIGNET_ASSIGN(const auto url, callback_url(transaction.db(), ended.callback_url, ended.system_id));
        SIGNET_TRY(enqueue_callback(context, transaction, url, "transaction_callback",
                                    transaction_callback(ending, event)));
    }
    return {};
}

}  // namespace signet::api::paycontrol
