// A token operation whose result is released only together with its audit record.
//
// The token's answer and the record's commit arrive on other threads. The record is complete before the token is asked, so
// that those threads only hand it on, and nobody needs to sleep in between.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "daemon/service/caller.h"
#include "sqlite/writer.h"

namespace signet::service {

struct Audited {
    Bytes value;
    std::uint64_t audit = 0;  // sequence number of the record
};

class AuditedOperation {
  public:
    using Done = std::function<void(Result<Bytes>)>;  // for TokenInterface::sign_async or mac_async
    using Finished = std::move_only_function<void(Result<Audited>)>;

    // `start` gets the callback to pass to the token. `finished` runs once, on the thread that brings the last news: it must
    // not block. Errors: the token's; storage_full, storage_failed, overloaded when the record could not be written (fail
    // closed: the result is dropped). A refusal by the token's own rules is recorded, best effort: nothing is released. The
    // caller's approval, if there is one, is used up with the record; conflict, when that cannot be.
    template <class Start>
    static void begin(sqlite::Writer& writer, const Caller& caller, sqlite::AuditRecord record, Start&& start,
                      Finished finished) {
        auto* const operation =
            new AuditedOperation(writer, caller.approval, std::move(record), std::move(finished));
        // A lone pointer fits into std::function without an allocation, which a shared_ptr would not.
        start(Done([operation](Result<Bytes> result) { operation->made(std::move(result)); }));
    }

    // The same for a caller that waits. Error besides: deadline_exceeded.
    template <class Start>
    static Result<Audited> run(sqlite::Writer& writer, const Caller& caller, sqlite::AuditRecord record,
                               Start&& start) {
        const auto waiter = std::make_shared<Waiter>();
        begin(writer, caller, std::move(record), std::forward<Start>(start),
              [waiter](Result<Audited> outcome) { waiter->set(std::move(outcome)); });
        return waiter->wait(caller.deadline);
    }

  private:
    struct Waiter {
        Waiter();
        ~Waiter();
        void set(Result<Audited> outcome);
        Result<Audited> wait(Deadline deadline);
        struct State;
        std::unique_ptr<State> state;
    };

    AuditedOperation(sqlite::Writer& writer, std::shared_ptr<const ApprovalUse> approval,
                     sqlite::AuditRecord record, Finished finished)
        : writer_(writer),
          approval_(std::move(approval)),
          record_(std::move(record)),
          finished_(std::move(finished)) {}

    void made(Result<Bytes> result);
    void recorded(Result<std::uint64_t> sequence);
    void finish(Result<Audited> outcome);

    sqlite::Writer& writer_;
    std::shared_ptr<const ApprovalUse> approval_;
    sqlite::AuditRecord record_;
    std::uint64_t sequence_ = 0;  // with an approval
    Bytes value_;
    Finished finished_;
};

}  // namespace signet::service
