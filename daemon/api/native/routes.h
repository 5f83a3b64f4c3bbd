// The native API: keys and what they are used for, certificate authorities, the audit chain, and the daemon itself.
#pragma once

#include <memory>

#include "base/error.h"
#include "daemon/api/family.h"

namespace signet::service {
class Idempotency;
struct SettledIntent;
}  // namespace signet::service
namespace signet::sqlite {
class Transaction;
}

namespace signet::api::native {

Result<std::unique_ptr<Family>> make(Services& services);

// For Keys::on_settled: the answer to a request whose outcome became known only now, kept under its Idempotency-Key.
Status keep_settled(service::Idempotency& idempotency, sqlite::Transaction& transaction,
                    const service::SettledIntent& settled);

}  // namespace signet::api::native
