#include "sqlite/chain_reader.h"

#include <algorithm>

namespace signet::sqlite {
namespace {

constexpr std::size_t kReadAhead = 256;

}  // namespace

Status ChainReader::drain(std::uint64_t sequence, const OnCheckpoint& on_checkpoint) {
    while (true) {
        if (next_checkpoint_ == checkpoints_.size()) {
            if (checkpoints_end_) return {};
            SIGNET_ASSIGN(checkpoints_, audit_log::checkpoints(db_, checkpoints_after_, kReadAhead));
            next_checkpoint_ = 0;
            if (checkpoints_.size() < kReadAhead) checkpoints_end_ = true;
            if (checkpoints_.empty()) return {};
            checkpoints_after_ = checkpoints_.back().head.sequence;
        }
        const auto& next = checkpoints_[next_checkpoint_];
        if (next.head.sequence > sequence) return {};
        ++next_checkpoint_;
        SIGNET_TRY(on_checkpoint(next));
    }
}

Result<bool> ChainReader::next(const OnRecord& on_record, const OnCheckpoint& on_checkpoint) {
    if (after_ >= up_to_) {
        SIGNET_TRY(drain(up_to_, on_checkpoint));
        return false;
    }
    const auto limit = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_, up_to_ - after_));
    SIGNET_ASSIGN(const auto count,
                  audit_log::visit(db_, after_, limit, [&](const ChainedRecord& record) -> Status {
                      if (record.record.sequence > up_to_) return {};
                      SIGNET_TRY(drain(record.record.sequence - 1, on_checkpoint));
                      after_ = record.record.sequence;
                      SIGNET_TRY(on_record(record));
                      return drain(record.record.sequence, on_checkpoint);
                  }));
    if (count == limit && after_ < up_to_) return true;
    SIGNET_TRY(drain(up_to_, on_checkpoint));
    return false;
}

}  // namespace signet::sqlite
