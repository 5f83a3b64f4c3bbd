#include "daemon/api/paycontrol/expiry.h"

#include "base/log.h"
#include "daemon/api/paycontrol/ending.h"
#include "daemon/config/paycontrol.h"
#include "daemon/service/details.h"
#include "daemon/service/maintenance.h"
#include "daemon/service/outbox.h"
#include "sqlite/paycontrol_event_store.h"
#include "sqlite/read_pool.h"

namespace signet::api::paycontrol {
namespace {

namespace transactions = sqlite::paycontrol_transaction_store;
namespace operations = sqlite::paycontrol_operation_store;

using namespace std::chrono_literals;

constexpr int kRounds = 1000;
constexpr std::size_t kSome = 100;  // rows at a time, so that other writers wait a moment only

Ending timed_out(Context& context, sqlite::PcTransaction transaction) {
    Ending ending{.transaction = std::move(transaction), .outcome = sqlite::PcOutcome::timed_out};
    ending.check_time = to_unix_ms(context.now()) / 1000;
    return ending;
}

// A Failure here is the database's: it has a cause.
Status as_status(Outcome<void> outcome) {
    if (outcome) return {};
    auto& failure = outcome.error();
    if (failure.cause) return std::unexpected(*std::move(failure.cause));
    return signet::fail(ErrorCode::internal, failure.message);
}

Status end_all(Context& context, sqlite::Transaction& transaction,
               std::vector<sqlite::PcTransaction> unfinished, const std::string& object) {
    std::vector<Ending> endings;
    for (auto& one : unfinished) {
        if (one.ended) continue;
        auto ending = timed_out(context, std::move(one));
        SIGNET_TRY(as_status(settle(context, transaction, ending, 0)));
        if (ending.result == Code::normal) endings.push_back(std::move(ending));
    }
    if (endings.empty()) return {};
    SIGNET_TRY(as_status(tell(context, transaction, endings, {})));
    SIGNET_TRY(transaction.audit({.principal = "system",
                                  .action = "paycontrol.transactions.decline",
                                  .object = object,
                                  .outcome = "ok",
                                  .details = service::Details()
                                                 .add("reason", "time out")
                                                 .add("transactions", std::uint64_t{endings.size()})
                                                 .text()}));
    return {};
}

std::string object_of(const std::string& system, const std::string& user, const std::string& id) {
    return "paycontrol/" + system + "/" + user + "/" + id;
}

}  // namespace

Status expire(Context& context, const sqlite::PcTransaction& transaction) {
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& t) -> Status {
        return end_all(context, t, {transaction},
                       object_of(transaction.system_id, transaction.user_id, transaction.transaction_id));
    }));
    context.services.outbox.wake();
    return {};
}

Status expire(Context& context, const sqlite::PcOperation& operation) {
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& t) -> Status {
        SIGNET_ASSIGN(auto all, transactions::of_operation(t.db(), operation.id));
        return end_all(context, t, std::move(all),
                       object_of(operation.system_id, operation.user_id, operation.operation_id));
    }));
    context.services.outbox.wake();
    return {};
}

Result<std::size_t> expire_all(Context& context) {
    std::size_t ended = 0;
    // Bounded: what does not end for some reason must not be tried for ever.
    for (int round = 0; round < kRounds; ++round) {
        std::vector<sqlite::PcTransaction> due;
        std::vector<sqlite::PcOperation> due_operations;
        {
            SIGNET_ASSIGN(const auto db, context.services.readers.lease());
            SIGNET_ASSIGN(due, transactions::expired(*db, context.now(), kSome));
            SIGNET_ASSIGN(due_operations, operations::expired(*db, context.now(), kSome));
        }
        for (const auto& one : due)
            SIGNET_TRY(expire(context, one));
        for (const auto& one : due_operations)
            SIGNET_TRY(expire(context, one));
        ended += due.size() + due_operations.size();
        if (due.size() < kSome && due_operations.size() < kSome) break;
    }
    return ended;
}

Result<std::size_t> prune_all(Context& context) {
    std::size_t total = 0;
    for (;;) {
        std::size_t some = 0;
        SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& t) -> Status {
            const auto settings = context.settings();
            const auto now = context.now();
            SIGNET_ASSIGN(const auto events,
                          sqlite::paycontrol_event_store::prune(t, now - settings->events_retention, kSome));
            SIGNET_ASSIGN(const auto ended,
                          transactions::prune(t, now - settings->transactions_retention, kSome));
            SIGNET_ASSIGN(const auto groups,
                          operations::prune(t, now - settings->transactions_retention, kSome));
            SIGNET_ASSIGN(const auto codes, transactions::prune_wrong_codes(t, now, kSome));
            some = events + ended + groups + codes;
            return {};
        }));
        if (some == 0) return total;
        total += some;
    }
}

void add_expiry_jobs(Context& context, service::Maintenance& maintenance) {
    maintenance.add({.name = "paycontrol.expire", .interval = 1s, .retry = 5s, .run = [&context] {
                         const auto ended = expire_all(context);
                         if (!ended)
                             log::warning("paycontrol.expire_failed", ended.error().message,
                                          {{"detail", ended.error().detail}});
                         return ended.has_value();
                     }});
    maintenance.add({.name = "paycontrol.retention", .interval = 1h, .retry = 5min, .run = [&context] {
                         const auto gone = prune_all(context);
                         if (!gone)
                             log::warning("paycontrol.retention_failed", gone.error().message,
                                          {{"detail", gone.error().detail}});
                         return gone.has_value();
                     }});
}

}  // namespace signet::api::paycontrol
