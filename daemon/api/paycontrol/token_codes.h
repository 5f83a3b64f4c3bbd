// Codes of a user's key, which never leaves the token: what they cover, and the MAC that makes them.
#pragma once

#include "daemon/api/paycontrol/context.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/paycontrol/codes.h"
#include "daemon/paycontrol/tlv.h"
#include "sqlite/paycontrol_transaction_store.h"

namespace signet::api::paycontrol {

// Views into both arguments. The device's fingerprint is covered where the key asks for it (key flag 0).
signet::paycontrol::Covered covered_of(const UserOf& owner, const sqlite::PcTransaction& transaction);

// By the token, within the request's time. Both arguments outlive it.
signet::paycontrol::MacFunction mac_with(Call& call, const WrappedKey& secret);

// Seconds of a time step, where a request names none.
std::uint32_t default_interval(Call& call);

inline std::int64_t unix_seconds(SystemTime time) {
    return to_unix_ms(time) / 1000;
}

}  // namespace signet::api::paycontrol
