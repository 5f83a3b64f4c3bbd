// Records and checkpoints of the database in the order of the chain, read in chunks.
#pragma once

#include <functional>
#include <vector>

#include "sqlite/audit_log.h"

namespace signet::sqlite {

class ChainReader {
  public:
    // What is after `after`, up to and including `up_to`.
    ChainReader(Connection& db, std::uint64_t after, std::uint64_t up_to, std::size_t chunk)
        : db_(db), after_(after), checkpoints_after_(after), up_to_(up_to), chunk_(chunk) {}

    using OnRecord = std::function<Status(const ChainedRecord&)>;
    using OnCheckpoint = std::function<Status(const Checkpoint&)>;
    // Reads one chunk; false at the end. A checkpoint follows its record, or stands where its record is missing.
    Result<bool> next(const OnRecord& on_record, const OnCheckpoint& on_checkpoint);
    std::uint64_t position() const { return after_; }

  private:
    // Hands out the checkpoints up to `sequence`.
    Status drain(std::uint64_t sequence, const OnCheckpoint& on_checkpoint);

    Connection& db_;
    std::uint64_t after_;
    std::uint64_t checkpoints_after_;
    std::uint64_t up_to_;
    std::size_t chunk_;
    std::vector<Checkpoint> checkpoints_;  // read ahead
    std::size_t next_checkpoint_ = 0;
    bool checkpoints_end_ = false;
};

}  // namespace signet::sqlite
