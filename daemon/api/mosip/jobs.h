// Background work of the MOSIP family. Each says whether it succeeded.
#pragma once

#include <chrono>

#include "base/clock.h"

namespace signet::sqlite {
class ReadPool;
class Writer;
}  // namespace signet::sqlite

namespace signet::api::mosip {

// "Management server may de-register devices that do not time-sync or reconnect within policy driven interval." Each with an
// event and an audit record.
bool deregister_idle(sqlite::Writer& writer, sqlite::ReadPool& readers, const Clock& clock);
// Transaction ids whose requests the time window refuses anyhow, and old events.
bool prune(sqlite::Writer& writer, const Clock& clock, std::chrono::milliseconds clock_window);

}  // namespace signet::api::mosip
