// Handlers that create something honour `Idempotency-Key`: the same key and body answer the same.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "daemon/api/handler.h"
#include "daemon/api/services.h"
#include "sqlite/writer.h"

namespace signet::api {

// What ties a request's key to its work; it does nothing when the request has none.
struct Keep {
    // Keeps the answer in the transaction of the work itself.
    std::function<Status(sqlite::Transaction&, const http::Response&)> answer;
    // In the transaction that opens an intent: from here on the key is in flight until the intent is settled, whatever
    // becomes of this request. Who settles it keeps the answer or releases the key (service::Idempotency::settle).
    std::function<Status(sqlite::Transaction&, std::int64_t intent)> bind;

    Status operator()(sqlite::Transaction& transaction, const http::Response& response) const {
        return answer(transaction, response);
    }
};

// Runs `work`, or gives the answer of an earlier request with the same key. `work` calls `keep` in its transaction; where
// it has none, the answer is kept afterwards; a `secret` one encrypted, for 10 minutes. Answers from 300 on and errors are not kept, and release the key unless it is
// bound to an intent.
Answer idempotent(Services& services, Exchange& exchange, const std::function<Answer(const Keep& keep)>& work,
                  bool secret = false);
// The same for an answer that shows a secret once: it is kept encrypted, for 10 minutes.
Answer idempotent_secret(Services& services, Exchange& exchange, const std::function<Answer()>& work);

}  // namespace signet::api
