// What the handlers of this family share: the services, the configuration in force, and one request on its way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/api/exchange.h"
#include "daemon/api/paycontrol/answer.h"
#include "daemon/api/services.h"
#include "sqlite/paycontrol_system_store.h"
#include "sqlite/paycontrol_user_store.h"
#include "sqlite/writer.h"

namespace signet::config {
struct PayControl;
}
namespace signet::service {
class Details;
}

namespace signet::api::paycontrol {

// Lives as long as the daemon.
struct Context {
    Services& services;
    // The section of signetd.yaml in force. Held for the length of a request.
    std::shared_ptr<const config::PayControl> settings() const;
    SystemTime now() const { return services.clock.now(); }
};

// What the event of a request says (chapter Events). Handlers fill in what they know; the wrapper records it.
struct RequestEvent {
    std::string request_type;  // "create_user"
    std::string system_id{};
    std::string user_id{};
    std::string transaction_id{};
    std::string operation_id{};
    std::optional<std::uint32_t> key_index{};
    std::string device_fingerprint{};
    std::string previous{};  // JSON object text, or empty
    std::string current{};   // JSON object text, or empty
    std::string session_id{};
    std::string device_event_id{};
    std::optional<std::int64_t> device_time{};
    std::string device_info{};
    std::string request_hmac{};  // hex, of a device
    std::int64_t event_id = 0;   // once recorded
    // What the answer says, where `commit` keeps the record of a refusal (a wrong code counts).
    Code result = Code::normal;
};

// The key set a device has authenticated with.
struct Device {
    sqlite::PayControlUser user;
    sqlite::PayControlKey key;
};

// One request in the hands of a handler.
struct Call {
    Context& context;
    Exchange& exchange;
    RequestEvent event;
    std::optional<Device> device{};  // on the devices' routes

    Services& services() const { return context.services; }

    // Runs `work` in one transaction with the request's event and one audit record: action = the row's permission, object
    // "paycontrol/<system>/<user>…" as `object` says. A Failure of `work` rolls everything back and is returned.
    Outcome<void> commit(std::string_view object, const service::Details& details,
                         const std::function<Outcome<void>(sqlite::Transaction&)>& work);
};

using CallHandler = Outcome<Reply> (*)(Call&);

// Who a row is for. Devices' rows exist below /pc-api/ext and /pc-client-api/jsonrequest_v3, too, with the permission
// `paycontrol.device`; their requests carry the HMAC of device_auth.h.
enum class For : std::uint8_t {
    applications,
    administration,  // below /v1/paycontrol, on the admin socket
    both,
    devices,          // only below the devices' paths
    devices_unproven  // the same, without HMAC: what a device asks before it has its key
};

struct Row {
    http::Verb verb;
    std::string_view path;  // below /pc-api: "/{system}/users/{user}"
    std::string_view permission;
    For who;
    std::size_t body_limit;
    std::string_view request_type;  // of the event; empty: the request leaves none
    CallHandler handler;
    std::string_view summary;
    std::string_view request_schema = "";
};

}  // namespace signet::api::paycontrol
