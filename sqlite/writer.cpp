#include "sqlite/writer.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "sqlite/group_commit_writer.h"

namespace signet::sqlite {

Result<std::unique_ptr<Writer>> Writer::start(Options options, Connection connection, const Clock& clock) {
    SIGNET_ASSIGN(auto writer, GroupCommitWriter::make(options, std::move(connection), clock));
    return std::unique_ptr<Writer>(std::move(writer));
}

Result<std::uint64_t> Writer::append(AuditRecord record) {
    // Told under the lock, so that the state outlives the notification.
    std::mutex mutex;
    std::condition_variable told;
    std::optional<Result<std::uint64_t>> answer;
    append_async(std::move(record), [&](Result<std::uint64_t> result) {
        const std::lock_guard lock(mutex);
        answer = std::move(result);
        told.notify_one();
    });
    std::unique_lock lock(mutex);
    told.wait(lock, [&] { return answer.has_value(); });
    return *std::move(answer);
}

}  // namespace signet::sqlite
