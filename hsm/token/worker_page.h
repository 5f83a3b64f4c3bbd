// What the worker's threads are busy with, in memory that the supervisor sees as well: a PKCS#11 call cannot be
// cancelled, so the supervisor kills a worker whose thread does not come back in time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "hsm/frames/operation.h"

namespace signet::token {

class WorkerPage {
  public:
    // Times are nanoseconds of CLOCK_MONOTONIC, which the processes of a machine share; 0 means idle. The worker writes,
    // the supervisor reads; whatever a broken worker writes can only get that worker killed.
    struct alignas(64) Slot {
        std::atomic<std::uint64_t> since{0};
        std::atomic<std::uint64_t> limit{0};
        std::atomic<std::uint32_t> operation{0};  // frames::Operation, or 0 for opening the token
    };
    static constexpr std::size_t kSlots = 128;
    static constexpr std::size_t kProcessSlot = 0;  // of the process while it opens the token

    struct Overdue {
        std::string what;  // "sign", "opening the token", "the I/O thread"
        std::chrono::milliseconds busy{};
    };

    // A new page in anonymous shared memory, and the descriptor to pass on.
    static Result<WorkerPage> create();
    // The page behind a descriptor that was passed on.
    static Result<WorkerPage> open(UniqueFd memory);

    int fd() const { return memory_.get(); }
    Slot& slot(std::size_t index) const { return shared_->slots[index % kSlots]; }

    // Said by the worker's I/O thread, at least every kBeat.
    static constexpr std::chrono::milliseconds kBeat{500};
    void beat() const;

    // Supervisor: the first thread past its limit; the I/O thread is when it was silent for `silence`.
    std::optional<Overdue> overdue(SteadyTime now, std::chrono::milliseconds silence) const;

  private:
    struct Shared {
        std::atomic<std::uint64_t> beat{0};
        Slot slots[kSlots];
    };
    struct Unmap {
        void operator()(Shared* shared) const;
    };
    WorkerPage(UniqueFd memory, Shared* shared) : memory_(std::move(memory)), shared_(shared) {}
    static Result<Shared*> map(int fd);

    UniqueFd memory_;
    std::unique_ptr<Shared, Unmap> shared_;
};

// Marks a thread busy for as long as it lives.
class BusyMark {
  public:
    BusyMark(WorkerPage::Slot* slot, std::uint32_t operation, std::chrono::milliseconds limit);
    ~BusyMark();
    BusyMark(const BusyMark&) = delete;
    BusyMark& operator=(const BusyMark&) = delete;

  private:
    WorkerPage::Slot* slot_;  // nullptr: nobody watches
};

}  // namespace signet::token
