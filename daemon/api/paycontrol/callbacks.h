// Callbacks to applications, version 3 (chapters Users, Transactions, Operations): JSON by POST, through the outbox.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/api/paycontrol/context.h"
#include "daemon/api/paycontrol/ending.h"
#include "sqlite/paycontrol_operation_store.h"

namespace signet::api::paycontrol {

// How callbacks, events and pushes are delivered. Before the outbox starts.
void register_deliveries(Context& context);

// {"pc_callback": {"type", "result", "version": 3, type: `object`}} to `url`; nothing when it is empty.
Status enqueue_callback(Context& context, sqlite::Transaction& transaction, std::string_view url,
                        std::string_view type, std::string_view object);

// `json` is the value of `member`: updated_settings or renew. To the system's callback_url.
Status enqueue_user_callback(Call& call, sqlite::Transaction& transaction,
                             const sqlite::PayControlSystem& system, std::string_view member,
                             std::string_view json);

// The objects of the other two.
std::string transaction_callback(const Ending& ending, const std::string& event);
std::string operation_callback(const sqlite::PcOperation& operation, const std::vector<Ending>& endings,
                               const std::string& event);

// The event of the request, completed, where callbacks embed it: the configuration says so and the user's key has
// collect_events. Otherwise empty.
Result<std::string> embedded_event(Call& call, sqlite::Transaction& transaction);

std::string_view to_string(sqlite::PcOperationStatus status);  // "push_sent"

}  // namespace signet::api::paycontrol
