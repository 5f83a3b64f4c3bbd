// What the clock does to transactions: an end when their time is over, and one day their removal.
#pragma once

#include "daemon/api/paycontrol/context.h"
#include "sqlite/paycontrol_operation_store.h"
#include "sqlite/paycontrol_transaction_store.h"

namespace signet::service {
class Maintenance;
}

namespace signet::api::paycontrol {

// Ends it with "time out", with its callback, if it is still unfinished; nothing otherwise.
Status expire(Context& context, const sqlite::PcTransaction& transaction);
// All transactions of it that are unfinished, with one callback.
Status expire(Context& context, const sqlite::PcOperation& operation);

// Those whose time is over, all of them. Returns how many ended.
Result<std::size_t> expire_all(Context& context);
// Events, transactions and operations that are past their retention; counts of wrong codes that expired.
Result<std::size_t> prune_all(Context& context);

void add_expiry_jobs(Context& context, service::Maintenance& maintenance);

}  // namespace signet::api::paycontrol
