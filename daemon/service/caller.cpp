#include "daemon/service/caller.h"

#include "sqlite/writer.h"

namespace signet::service {

Caller system_caller(std::chrono::milliseconds time_limit) {
    return {"system", {}, Deadline::in(time_limit)};
}

Result<std::uint64_t> append_record(sqlite::Writer& writer, const Caller& caller,
                                    sqlite::AuditRecord record) {
    if (!caller.approval) return writer.append(std::move(record));
    std::uint64_t sequence = 0;
    SIGNET_TRY(writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(caller.use_approval(transaction));
        SIGNET_ASSIGN(sequence, transaction.audit(record));
        return {};
    }));
    return sequence;
}

}  // namespace signet::service
