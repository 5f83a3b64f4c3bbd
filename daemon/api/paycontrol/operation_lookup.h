// The operation that a request's path names, and its processing.
#pragma once

#include "daemon/api/paycontrol/context.h"
#include "daemon/api/paycontrol/lookup.h"
#include "sqlite/paycontrol_operation_store.h"

namespace signet::api::paycontrol {

inline constexpr std::size_t kMaxParts = 1000;  // transactions of one operation

// Of the path's {operation}; notes it in the event. Code: 310 for none of that user.
Outcome<sqlite::PcOperation> operation_of(Call& call, const UserOf& owner);
// Codes besides: 312 when it is processed, 317 when it has expired.
Outcome<sqlite::PcOperation> unfinished_operation_of(Call& call, const UserOf& owner);

Outcome<Reply> process_operation(Call& call);

}  // namespace signet::api::paycontrol
