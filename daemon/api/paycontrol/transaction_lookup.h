// The transaction that a request's path names.
#pragma once

#include "daemon/api/paycontrol/context.h"
#include "daemon/api/paycontrol/lookup.h"
#include "sqlite/paycontrol_transaction_store.h"

namespace signet::api::paycontrol {

// Of the path's {transaction}; notes it in the event. Code: 231 for none of that user.
Outcome<sqlite::PcTransaction> transaction_of(Call& call, const UserOf& owner);

}  // namespace signet::api::paycontrol
