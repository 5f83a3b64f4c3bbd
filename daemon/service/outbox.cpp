#include "daemon/service/outbox.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "daemon/service/details.h"

namespace signet::service {
namespace {

using namespace std::chrono_literals;

// Looked at again at least this often, whatever was announced.
constexpr auto kPoll = 1s;
constexpr std::size_t kLook = 64;

const OutboxKind kPlain{};

bool arrived(const OutboxKind& kind, const OutboxReply& reply) {
    return kind.accepted ? kind.accepted(reply) : reply.status >= 200 && reply.status < 300;
}

}  // namespace

Outbox::~Outbox() {
    stop();
}

void Outbox::add_kind(std::string name, OutboxKind kind) {
    kinds_.insert_or_assign(std::move(name), std::move(kind));
}

void Outbox::start(std::size_t threads) {
    for (std::size_t i = 0; i < threads; ++i)
        threads_.emplace_back([this] { loop(); });
}

void Outbox::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
    threads_.clear();
}

Result<std::int64_t> Outbox::enqueue(sqlite::Transaction& transaction, sqlite::OutboxMessage message) {
    message.created = parts_.clock.now();
    message.next_at = message.created;
    return sqlite::outbox_store::enqueue(transaction, message);
}

void Outbox::wake() {
    {
        const std::lock_guard lock(mutex_);
        ++wakes_;
    }
    changed_.notify_one();
}

Status Outbox::revive(const Caller& caller, std::int64_t id) {
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::outbox_store::revive(transaction, id, parts_.clock.now()));
        SIGNET_TRY(transaction.audit({.request_id = std::string(caller.request_id),
                                      .principal = std::string(caller.principal),
                                      .action = "outbox.manage",
                                      .object = "outbox/" + std::to_string(id),
                                      .outcome = "ok",
                                      .details = R"({"change":"revive"})"}));
        return {};
    }));
    wake();
    return {};
}

Result<std::vector<sqlite::OutboxMessage>> Outbox::take(std::size_t limit, bool& again) {
    std::set<std::string> busy;
    std::uint64_t before = 0;
    {
        const std::lock_guard lock(mutex_);
        busy = busy_;
        before = settled_;
    }
    std::vector<sqlite::OutboxMessage> due;
    {
        SIGNET_ASSIGN(const auto db, parts_.readers.lease());
        SIGNET_ASSIGN(due, sqlite::outbox_store::due(*db, parts_.clock.now(), kLook + busy.size()));
    }
    std::vector<sqlite::OutboxMessage> mine;
    const std::lock_guard lock(mutex_);
    for (auto& message : due) {
        if (mine.size() == limit) break;
        // What was under way when the database was read may be settled by now: what was read of it is old. So is everything
        // that another thread took and settled meanwhile.
        if (busy.contains(message.destination) || settled_ != before) continue;
        if (busy_.insert(message.destination).second) mine.push_back(std::move(message));
    }
    // Nothing was taken because of what changed meanwhile, not because there is nothing.
    again = mine.empty() && settled_ != before;
    return mine;
}

void Outbox::loop() {
    for (;;) {
        std::uint64_t seen = 0;
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
            seen = wakes_;
        }
        bool again = false;
        auto taken = take(1, again);
        if (!taken)
            log::warning("outbox.read_failed", taken.error().message, {{"detail", taken.error().detail}});
        if (taken && !taken->empty()) {
            deliver(std::move(taken->front()));
            continue;
        }
        if (again) continue;
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kPoll, [&] { return stopping_ || wakes_ != seen; });
    }
}

Result<std::size_t> Outbox::deliver_due() {
    std::size_t tried = 0;
    for (;;) {
        bool again = false;
        SIGNET_ASSIGN(auto taken, take(kLook, again));
        if (taken.empty() && !again) return tried;
        for (auto& message : taken) {
            deliver(std::move(message));
            ++tried;
        }
    }
}

void Outbox::deliver(sqlite::OutboxMessage message) {
    const auto destination = message.destination;
    const auto found = kinds_.find(message.kind);
    const auto& kind = found == kinds_.end() ? kPlain : found->second;
    Result<OutboxReply> outcome = OutboxReply{};
    auto prepared = message;
    if (auto ready = kind.prepare ? kind.prepare(prepared) : Status{}; !ready)
        outcome = std::unexpected(std::move(ready).error());
    else
        outcome = parts_.send(prepared);
    if (const auto settled = settle(message, outcome); !settled)
        log::warning("outbox.not_settled", settled.error().message,
                     {{"message", std::to_string(message.id)}, {"detail", settled.error().detail}});
    {
        const std::lock_guard lock(mutex_);
        busy_.erase(destination);
        ++settled_;
    }
    changed_.notify_one();
}

std::chrono::milliseconds Outbox::wait_after(const OutboxKind& kind, std::uint32_t attempts) const {
    auto wait = kind.first_wait;
    for (std::uint32_t i = 0; i < attempts && wait < kind.longest_wait; ++i)
        wait *= 2;
    wait = std::min(wait, kind.longest_wait);
    // Up to a quarter more, so that those who failed together do not come back together.
    const auto noise = random_bytes(2);
    return wait + wait * ((noise[0] << 8) | noise[1]) / (4 * 65536);
}

Status Outbox::settle(const sqlite::OutboxMessage& message, const Result<OutboxReply>& outcome) {
    const auto found = kinds_.find(message.kind);
    const auto& kind = found == kinds_.end() ? kPlain : found->second;
    if (!outcome)
        return settle_failed(message, kind, outcome.error().code == ErrorCode::permission_denied,
                             outcome.error().message);
    if (!arrived(kind, *outcome))
        return settle_failed(message, kind, false,
                             "the receiver answered " + std::to_string(outcome->status));
    auto done = parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::outbox_store::delivered(transaction, message.id, parts_.clock.now()));
        return kind.delivered ? kind.delivered(transaction, message, *outcome) : Status{};
    });
    // What could not be kept is sent again, but not at once.
    if (!done)
        return settle_failed(message, kind, false, "its outcome was not kept: " + done.error().message);
    return {};
}

Status Outbox::settle_failed(const sqlite::OutboxMessage& message, const OutboxKind& kind, bool final,
                             std::string why) {
    const auto now = parts_.clock.now();
    const auto wait = wait_after(kind, message.attempts);
    if (!final && now + wait < message.created + kind.give_up)
        return parts_.writer.run([&](sqlite::Transaction& transaction) {
            return sqlite::outbox_store::back_off(transaction, message.id, now + wait, why);
        });
    log::warning("outbox.dead_letter", "a message was given up",
                 {{"message", std::to_string(message.id)}, {"kind", message.kind}, {"error", why}});
    return parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::outbox_store::bury(transaction, message.id, now, why));
        SIGNET_TRY(transaction.audit(
            {.principal = "system",
             .action = "outbox.deliver",
             .object = "outbox/" + std::to_string(message.id),
             .outcome = "failed",
             .details = Details().add("kind", message.kind).add("error", why.substr(0, 512)).text()}));
        return kind.dead ? kind.dead(transaction, message, why) : Status{};
    });
}

}  // namespace signet::service
