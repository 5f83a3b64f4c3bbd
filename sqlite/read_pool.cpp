#include "sqlite/read_pool.h"

#include <condition_variable>
#include <mutex>
#include <vector>

namespace signet::sqlite {

struct ReadPool::State {
    std::mutex mutex;
    std::condition_variable returned;
    std::vector<std::unique_ptr<Connection>> free;
};

ReadPool::Lease::Lease(std::shared_ptr<State> state, std::unique_ptr<Connection> connection)
    : state_(std::move(state)), connection_(std::move(connection)) {}
ReadPool::Lease::Lease(Lease&&) noexcept = default;

ReadPool::Lease::~Lease() {
    if (!connection_) return;
    const std::lock_guard lock(state_->mutex);
    state_->free.push_back(std::move(connection_));
    state_->returned.notify_one();
}

Result<ReadPool> ReadPool::open(const std::filesystem::path& path, std::size_t size) {
    auto state = std::make_shared<State>();
    for (std::size_t i = 0; i < size; ++i) {
        SIGNET_ASSIGN(auto connection, Connection::open(path, Connection::Mode::read_only));
        state->free.push_back(std::make_unique<Connection>(std::move(connection)));
    }
    return ReadPool(std::move(state));
}

Result<ReadPool::Lease> ReadPool::lease(std::chrono::milliseconds timeout) {
    std::unique_lock lock(state_->mutex);
    if (!state_->returned.wait_for(lock, timeout, [&] { return !state_->free.empty(); }))
        return std::unexpected(Error{ErrorCode::overloaded, "too many requests read the database; try again",
                                     "all read connections are lent", std::chrono::seconds(1)});
    auto connection = std::move(state_->free.back());
    state_->free.pop_back();
    return Lease(state_, std::move(connection));
}

}  // namespace signet::sqlite
