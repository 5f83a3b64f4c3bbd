// Telling a user's device that there is something to confirm. Who carries the message depends on the device and on `pusher` in
// signetd.yaml.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "daemon/api/paycontrol/context.h"

namespace signet::api::paycontrol {

struct PushRequest {
    const sqlite::PayControlSystem& system;
    const sqlite::PayControlUser& user;
    std::string transaction_id{};  // one of the two
    std::string operation_id{};
    std::int64_t transaction_row = 0;  // whose status becomes pushSent; 0: none
    std::string text{};                // what the notification may show: the snippet
};

class Pusher {
  public:
    virtual ~Pusher() = default;
    // In the transaction that creates what it is about. Whether a push goes out at all: a user without an address gets none.
    virtual Result<bool> push(Context& context, sqlite::Transaction& transaction,
                              const PushRequest& request) = 0;
};

// By POST to the system's pc_is_internal_url (PC Pusher).
std::unique_ptr<Pusher> http_pusher();
// Writes to the log; for trials.
std::unique_ptr<Pusher> console_pusher();
// Calls the user's server signer, or the default one of signetd.yaml.
std::unique_ptr<Pusher> signer_pusher();

// The one for that user; none where pushing is off.
std::unique_ptr<Pusher> pusher_for(Context& context, const sqlite::PayControlUser& user);
Result<bool> enqueue_push(Context& context, sqlite::Transaction& transaction, const PushRequest& request);

void register_pushers(Context& context);

}  // namespace signet::api::paycontrol
