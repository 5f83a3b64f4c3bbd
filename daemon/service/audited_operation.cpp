#include "daemon/service/audited_operation.h"

#include <optional>

#include "daemon/service/event.h"

namespace signet::service {
namespace {

// The token client answers by the deadline; what follows is a commit.
constexpr std::chrono::seconds kCommitTime{2};

}  // namespace

struct AuditedOperation::Waiter::State {
    std::optional<Result<Audited>> outcome;
    Event event;
};

AuditedOperation::Waiter::Waiter() : state(std::make_unique<State>()) {}
AuditedOperation::Waiter::~Waiter() = default;

void AuditedOperation::Waiter::set(Result<Audited> outcome) {
    state->outcome = std::move(outcome);
    state->event.set();
}

Result<Audited> AuditedOperation::Waiter::wait(Deadline deadline) {
    if (!state->event.wait_until(deadline.at + kCommitTime))
        return fail(ErrorCode::deadline_exceeded,
                    "no durable audit record in time; nothing was released, try again later");
    return *std::move(state->outcome);
}

void AuditedOperation::made(Result<Bytes> result) {
    if (!result) {
        // A per-key rule of the token said no to a caller the policy let through: that belongs into the chain.
        if (result.error().code == ErrorCode::token_refused) {
            record_.outcome = "refused";
            record_.details.clear();
            writer_.append_async(std::move(record_), [](const Result<std::uint64_t>&) {});
        }
        return finish(std::unexpected(std::move(result).error()));
    }
    value_ = *std::move(result);
    if (approval_) {
        writer_.run_async(
            [this](sqlite::Transaction& transaction) -> Status {
                SIGNET_TRY(approval_->use_up(transaction));
                SIGNET_ASSIGN(sequence_, transaction.audit(record_));
                return {};
            },
            [this](Status done) {
                recorded(done ? Result<std::uint64_t>(sequence_) : std::unexpected(std::move(done).error()));
            });
        return;
    }
    writer_.append_async(std::move(record_),
                         [this](Result<std::uint64_t> sequence) { recorded(std::move(sequence)); });
}

void AuditedOperation::recorded(Result<std::uint64_t> sequence) {
    if (!sequence) return finish(std::unexpected(std::move(sequence).error()));
    finish(Audited{std::move(value_), *sequence});
}

void AuditedOperation::finish(Result<Audited> outcome) {
    const std::unique_ptr<AuditedOperation> self(this);
    finished_(std::move(outcome));
}

}  // namespace signet::service
