#include "hsm/client/pending.h"

namespace signet::client {

std::optional<std::uint64_t> PendingRequests::add(Waiter& waiter, const void* connection, SteadyTime deadline,
                                                  frames::Operation operation) {
    if (free_.empty()) {
        if (slots_.size() >= limit_) return std::nullopt;
        free_.push_back(static_cast<std::uint16_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::size_t index = free_.back();
    free_.pop_back();
    auto& slot = slots_[index];
    slot.waiter = &waiter;
    slot.connection = connection;
    slot.deadline = deadline;
    slot.operation = operation;
    ++slot.generation;
    ++size_;
    return id_of(index);
}

PendingRequests::Request* PendingRequests::find(std::uint64_t id) {
    const auto index = static_cast<std::size_t>(id & ((1U << kIndexBits) - 1));
    if (index >= slots_.size() || slots_[index].waiter == nullptr || id_of(index) != id) return nullptr;
    return &slots_[index];
}

void PendingRequests::remove(std::uint64_t id) {
    auto* const slot = find(id);
    if (slot == nullptr) return;
    slot->waiter = nullptr;
    slot->bytes = Bytes();
    free_.push_back(static_cast<std::uint16_t>(id & ((1U << kIndexBits) - 1)));
    --size_;
}

}  // namespace signet::client
