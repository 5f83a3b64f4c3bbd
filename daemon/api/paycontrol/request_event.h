// The event that each request leaves, and how it looks to clients.
#pragma once

#include <string>

#include "daemon/api/paycontrol/context.h"
#include "sqlite/paycontrol_event_store.h"

namespace signet::api {
class JsonWriter;
}

namespace signet::api::paycontrol {

// Inserts the event's row and returns its id.
Result<std::int64_t> record_event(Context& context, const Exchange& exchange, const RequestEvent& event,
                                  Code result, sqlite::Transaction& transaction);
// Completes the row (event_data, what the handler learned meanwhile) and sends it to the system's events_post_url.
Status finish_event(Context& context, const RequestEvent& event, sqlite::Transaction& transaction);

// Completes the row and returns it as callbacks embed it.
Result<std::string> event_json(Context& context, const RequestEvent& event, sqlite::Transaction& transaction);

// As the answers of chapter Events show it: what is empty is left out.
void write_event(JsonWriter& json, const sqlite::PcEvent& event);

// The chain of addresses a request went through: X-Forwarded-For, then the peer itself; joined with ", ".
std::string address_chain(std::string_view forwarded_for, std::string_view peer);

}  // namespace signet::api::paycontrol
