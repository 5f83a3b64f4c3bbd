// Messages that must reach another system: enqueued in the transaction of what they tell, delivered at least once, in order
// for each destination, with back-off; what cannot be delivered becomes a dead letter that an operator sees and revives.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/service/caller.h"
#include "sqlite/outbox_store.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::service {

// What the other system answered.
struct OutboxReply {
    unsigned status = 0;  // HTTP
    std::string body;
};

// How a family's messages are treated, by kind. Every function may be empty; all run on delivery threads or inside the
// writer's transaction, and must not throw.
struct OutboxKind {
    // The last touch before each try (a signature whose time matters). An error counts as a failed try.
    std::function<Status(sqlite::OutboxMessage&)> prepare{};
    // Whether an answer means that it arrived; otherwise 200 to 299 does.
    std::function<bool(const OutboxReply&)> accepted{};
    // In the transaction that marks it delivered. An error rolls it back: the message is sent again later.
    std::function<Status(sqlite::Transaction&, const sqlite::OutboxMessage&, const OutboxReply&)> delivered{};
    // In the transaction that buries it; `why` is the last error.
    std::function<Status(sqlite::Transaction&, const sqlite::OutboxMessage&, std::string_view why)> dead{};
    std::chrono::milliseconds first_wait{2'000};                        // doubled at each failure …
    std::chrono::milliseconds longest_wait = std::chrono::minutes(30);  // … up to this
    std::chrono::milliseconds give_up = std::chrono::hours(72);         // after the message was made
};

class Outbox {
  public:
    // Sends one message and returns the answer of any status. Errors: nothing was answered, or the address is not permitted
    // (permission_denied: a dead letter at once).
    using Send = std::function<Result<OutboxReply>(const sqlite::OutboxMessage&)>;
    struct Parts {
        sqlite::Writer& writer;
        sqlite::ReadPool& readers;
        const Clock& clock;
        Send send;
    };
    explicit Outbox(Parts parts) : parts_(std::move(parts)) {}
    ~Outbox();  // as stop()
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;

    // Before `start`.
    void add_kind(std::string name, OutboxKind kind);
    void start(std::size_t threads);
    // Ends after the deliveries that are under way.
    void stop();

    // In the transaction of the work that the message tells about; `created` and `next_at` are filled in. Call `wake` once
    // it is durable. Errors: too_large.
    Result<std::int64_t> enqueue(sqlite::Transaction& transaction, sqlite::OutboxMessage message);
    void wake();

    // A dead letter waits again. Error: not_found.
    Status revive(const Caller& caller, std::int64_t id);
    // All that are due, on the calling thread; for tests. Returns how many were tried.
    Result<std::size_t> deliver_due();

  private:
    void loop();
    // The next ones that are due and whose destinations nobody else works on. `again`: nothing was taken because what was
    // read is old already.
    Result<std::vector<sqlite::OutboxMessage>> take(std::size_t limit, bool& again);
    void deliver(sqlite::OutboxMessage message);
    Status settle(const sqlite::OutboxMessage& message, const Result<OutboxReply>& outcome);
    Status settle_failed(const sqlite::OutboxMessage& message, const OutboxKind& kind, bool final,
                         std::string why);
    std::chrono::milliseconds wait_after(const OutboxKind& kind, std::uint32_t attempts) const;

    Parts parts_;
    std::map<std::string, OutboxKind, std::less<>> kinds_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<std::string> busy_;  // destinations under way
    bool stopping_ = false;
    std::uint64_t wakes_ = 0;
    std::uint64_t settled_ = 0;  // deliveries that ended, however
    std::vector<std::thread> threads_;
};

}  // namespace signet::service
