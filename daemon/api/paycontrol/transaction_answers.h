// How transactions look in answers: transaction_created, transaction_info, transaction_data.
#pragma once

#include <string>
#include <vector>

#include "daemon/api/json.h"
#include "daemon/api/paycontrol/context.h"
#include "sqlite/paycontrol_transaction_store.h"

namespace signet::api::paycontrol {

// "pushSent", as transactions spell it.
std::string_view to_string(sqlite::PcStatus status);

// What Create Transaction and Get Transaction Details have in common; `attempts` is empty for the first. With QR code and deep links
// where there are any. Code: 350 for a text that an Offline transaction cannot show.
Outcome<std::string> transaction_info(const sqlite::PcTransaction& transaction,
                                      const std::vector<sqlite::PcConfirmAttempt>& attempts, SystemTime now);

// {"text", "text_render_type", "binary_data_url"} of Get Transaction Data and Get Operation Data, into an open object.
void write_data(JsonWriter& json, const sqlite::PcTransaction& transaction,
                const sqlite::PayControlSystem& system);
// {"text", "text_render_type"}
void write_shown(JsonWriter& json, std::string_view name, std::string_view text, bool markdown);

// `app_extra` with its variables filled in.
std::string filled_extra(const sqlite::PcTransaction& transaction);

}  // namespace signet::api::paycontrol
