// A token operation whose result is released only together with its audit record.
//
// The token's answer and the record's commit arrive on other threads; the calling thread sleeps once. The record is
// complete before the token is asked, so that those threads only hand it on.
#pragma once

#include <atomic>
#include <functional>
#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "daemon/service/event.h"
#include "hsm/frames/token_interface.h"
#include "sqlite/writer.h"

namespace signet::service {

struct Audited {
    Bytes value;
    std::uint64_t audit = 0;  // sequence number of the record
};

class AuditedOperation {
  public:
    using Done = std::function<void(Result<Bytes>)>;

    // `start` gets the callback to pass to TokenInterface::sign_async or mac_async. Errors: the token's; storage_full,
    // storage_failed, overloaded when the record could not be written (fail closed: the result is dropped);
    // deadline_exceeded.
    template <class Start>
    static Result<Audited> run(sqlite::Writer& writer, sqlite::AuditRecord record, Deadline deadline,
                               Start&& start) {
        auto* const operation = new AuditedOperation(writer, std::move(record));
        // A lone pointer fits into std::function without an allocation, which a shared_ptr would not.
        start(Done([operation](Result<Bytes> result) { operation->made(std::move(result)); }));
        return operation->wait(deadline);
    }

  private:
    AuditedOperation(sqlite::Writer& writer, sqlite::AuditRecord record)
        : writer_(writer), record_(std::move(record)) {}

    void made(Result<Bytes> result);
    void recorded(Result<std::uint64_t> sequence);
    void finish(Result<Audited> outcome);
    Result<Audited> wait(Deadline deadline);
    void release();

    sqlite::Writer& writer_;
    sqlite::AuditRecord record_;
    Bytes value_;
    std::optional<Result<Audited>> outcome_;
    Event event_;
    std::atomic<int> owners_{2};  // the caller, who may give up first, and the chain of callbacks
};

}  // namespace signet::service
