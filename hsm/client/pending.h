// Requests that wait for their answer, found by request id. Not synchronised: the channel's mutex guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "hsm/frames/operation.h"

namespace signet::client {

// Whoever waits for an answer; exactly one of the two is called, once, and the object may be gone afterwards.
class Waiter {
  public:
    virtual void answered(ByteView message) = 0;
    virtual void failed(Error error) = 0;

  protected:
    ~Waiter() = default;
};

class PendingRequests {
  public:
    struct Request {
        Waiter* waiter = nullptr;
        const void* connection = nullptr;  // nullptr: not sent yet
        SteadyTime deadline;
        frames::Operation operation{};
        Bytes bytes;  // before it is sent, its frame; afterwards the parts of its reply
        std::uint32_t generation = 0;
    };

    explicit PendingRequests(std::size_t limit) : limit_(limit) {}

    // The id of the new request; nullopt when `limit` requests wait already.
    std::optional<std::uint64_t> add(Waiter& waiter, const void* connection, SteadyTime deadline,
                                     frames::Operation operation);
    // nullptr when nobody waits for it (any more).
    Request* find(std::uint64_t id);
    void remove(std::uint64_t id);
    std::size_t size() const { return size_; }

    // Calls visit(id, request) for each; `visit` may remove the request it was called with.
    template <class Visit>
    void for_each(Visit visit) {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].waiter != nullptr) visit(id_of(i), slots_[i]);
        }
    }

  private:
    // A slot is used again at once, with another generation: the answer to a request that timed out finds nobody.
    static constexpr unsigned kIndexBits = 16;
    std::uint64_t id_of(std::size_t index) const {
        return (std::uint64_t{slots_[index].generation} << kIndexBits) | index;
    }

    std::size_t limit_;
    std::size_t size_ = 0;
    std::vector<Request> slots_;
    std::vector<std::uint16_t> free_;
};

}  // namespace signet::client
