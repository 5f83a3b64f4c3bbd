// PayControl's events: what each request was, who made it and what it changed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct PcEvent {
    std::int64_t event_id = 0;
    std::string system_id{};
    std::string user_id{};
    std::string transaction_id{};
    std::string operation_id{};
    std::string session_id{};
    std::string device_event_id{};
    std::optional<std::int64_t> device_time{};  // milliseconds, by the device's clock
    std::string device_info{};
    std::string device_fingerprint{};
    std::optional<std::uint32_t> key_index{};
    std::string request_type{};
    std::string request_url{};
    std::string request_hash{};     // hex
    std::string request_hmac{};     // hex, of a device
    std::string requester_ip{};     // the chain, joined with ", "
    std::string connection_info{};  // JSON object
    std::uint32_t request_result = 0;
    std::string event_data{};  // JSON object, or empty
    std::string instance{};
    std::string version{};
    bool cleaned = false;
    SystemTime created{};
    SystemTime updated{};
    bool operator==(const PcEvent&) const = default;
};

struct PcEventFilter {
    std::optional<std::string> system_id{};
    std::optional<std::string> user_id{};
    std::optional<std::string> transaction_id{};
    std::optional<std::string> operation_id{};
    std::optional<std::string> instance{};
    std::optional<std::string> session_id{};
    std::optional<std::string> request_type{};
    std::optional<std::int64_t> request_result{};
    std::optional<std::string> requester_ip{};  // one address of the chain
    std::optional<bool> cleaned{};
    std::optional<SystemTime> from{};  // inclusive, both
    std::optional<SystemTime> to{};
};

namespace paycontrol_event_store {

// Returns the event_id.
Result<std::int64_t> insert(Transaction& transaction, const PcEvent& event);
// What a handler learned after `insert`: everything but what says where the request came from. Error: not_found.
Status complete(Transaction& transaction, const PcEvent& event);
Result<std::optional<PcEvent>> find(Connection& db, std::int64_t event_id);
// Newest first, from position `from` on.
Result<std::vector<PcEvent>> list(Connection& db, const PcEventFilter& filter, std::uint64_t from,
                                  std::size_t limit);
Result<std::uint64_t> count(Connection& db, const PcEventFilter& filter);
// Takes the large fields away: device_info, event_data, connection_info.
Status clean(Transaction& transaction, std::span<const std::int64_t> event_ids, SystemTime now);
// At most `limit` that were created before. Returns how many went.
Result<std::size_t> prune(Transaction& transaction, SystemTime before, std::size_t limit);

}  // namespace paycontrol_event_store
}  // namespace signet::sqlite
