// Handlers that create something honour `Idempotency-Key`: the same key and body answer the same.
#pragma once

#include <functional>
#include <string>

#include "daemon/api/handler.h"
#include "daemon/api/services.h"
#include "sqlite/writer.h"

namespace signet::api {

// Keeps the answer in the transaction of the work itself. Does nothing when the request has no key.
using Keep = std::function<Status(sqlite::Transaction&, const http::Response&)>;

// Runs `work`, or gives the answer of an earlier request with the same key. `work` calls `keep` in its transaction; where
// it has none, the answer is kept afterwards. Answers from 300 on and errors are not kept.
Answer idempotent(Services& services, Exchange& exchange,
                  const std::function<Answer(const Keep& keep)>& work);

}  // namespace signet::api
