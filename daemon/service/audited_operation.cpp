#include "daemon/service/audited_operation.h"

namespace signet::service {
namespace {

// The token client answers by the deadline; what follows is a commit.
constexpr std::chrono::seconds kCommitTime{2};

}  // namespace

void AuditedOperation::made(Result<Bytes> result) {
    if (!result) return finish(std::unexpected(std::move(result).error()));
    value_ = *std::move(result);
    writer_.append_async(std::move(record_),
                         [this](Result<std::uint64_t> sequence) { recorded(std::move(sequence)); });
}

void AuditedOperation::recorded(Result<std::uint64_t> sequence) {
    if (!sequence) return finish(std::unexpected(std::move(sequence).error()));
    finish(Audited{std::move(value_), *sequence});
}

void AuditedOperation::finish(Result<Audited> outcome) {
    outcome_ = std::move(outcome);
    event_.set();
    release();
}

Result<Audited> AuditedOperation::wait(Deadline deadline) {
    if (!event_.wait_until(deadline.at + kCommitTime)) {
        release();
        return fail(ErrorCode::deadline_exceeded,
                    "no durable audit record in time; nothing was released, try again later");
    }
    auto outcome = *std::move(outcome_);
    release();
    return outcome;
}

void AuditedOperation::release() {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

}  // namespace signet::service
