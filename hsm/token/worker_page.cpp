#include "hsm/token/worker_page.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

namespace signet::token {
namespace {

std::uint64_t nanoseconds(SteadyTime time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

std::uint64_t now_ns() {
    return nanoseconds(std::chrono::steady_clock::now());
}

std::chrono::milliseconds elapsed(std::uint64_t since, std::uint64_t now) {
    if (now <= since) return {};
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::nanoseconds(static_cast<std::int64_t>(now - since)));
}

}  // namespace

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");

Result<WorkerPage::Shared*> WorkerPage::map(int fd) {
    void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return fail(ErrorCode::internal, "cannot map the worker's page", std::strerror(errno));
    return static_cast<Shared*>(memory);
}

Result<WorkerPage> WorkerPage::create() {
    UniqueFd memory(memfd_create("signet-worker", MFD_CLOEXEC));
    if (!memory || ftruncate(memory.get(), sizeof(Shared)) != 0)
        return fail(ErrorCode::internal, "cannot make the worker's page", std::strerror(errno));
    SIGNET_ASSIGN(auto* const shared, map(memory.get()));
    return WorkerPage(std::move(memory), new (shared) Shared());
}

Result<WorkerPage> WorkerPage::open(UniqueFd memory) {
    SIGNET_ASSIGN(auto* const shared, map(memory.get()));
    return WorkerPage(std::move(memory), shared);
}

void WorkerPage::Unmap::operator()(Shared* shared) const {
    munmap(shared, sizeof(Shared));
}

void WorkerPage::beat() const {
    shared_->beat.store(now_ns(), std::memory_order_relaxed);
}

std::optional<WorkerPage::Overdue> WorkerPage::overdue(SteadyTime time,
                                                       std::chrono::milliseconds silence) const {
    const auto now = nanoseconds(time);
    for (const auto& slot : shared_->slots) {
        const auto since = slot.since.load(std::memory_order_acquire);
        const auto limit = slot.limit.load(std::memory_order_relaxed);
        if (since == 0 || now <= since || now - since <= limit) continue;
        const auto operation = frames::operation_from(static_cast<std::uint8_t>(slot.operation.load()));
        return Overdue{operation ? std::string(frames::traits(*operation).name) : "opening the token",
                       elapsed(since, now)};
    }
    // While the process itself is busy opening the token there is no I/O thread yet.
    if (shared_->slots[kProcessSlot].since.load(std::memory_order_acquire) != 0) return std::nullopt;
    const auto beat = shared_->beat.load(std::memory_order_relaxed);
    if (beat != 0 && elapsed(beat, now) > silence) return Overdue{"the I/O thread", elapsed(beat, now)};
    return std::nullopt;
}

BusyMark::BusyMark(WorkerPage::Slot* slot, std::uint32_t operation, std::chrono::milliseconds limit)
    : slot_(slot) {
    if (slot_ == nullptr) return;
    slot_->limit.store(static_cast<std::uint64_t>(std::chrono::nanoseconds(limit).count()),
                       std::memory_order_relaxed);
    slot_->operation.store(operation, std::memory_order_relaxed);
    slot_->since.store(now_ns(), std::memory_order_release);
}

BusyMark::~BusyMark() {
    if (slot_ != nullptr) slot_->since.store(0, std::memory_order_release);
}

}  // namespace signet::token
