// A few read-only connections, lent to one thread at a time.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "sqlite/connection.h"

namespace signet::sqlite {

class ReadPool {
    struct State;

  public:
    // Gives its connection back when it goes. Keep it short: an open read transaction pins the WAL.
    class Lease {
      public:
        Lease(Lease&&) noexcept;
        Lease& operator=(Lease&&) = delete;
        ~Lease();
        Connection& operator*() const { return *connection_; }
        Connection* operator->() const { return connection_.get(); }

      private:
        friend class ReadPool;
        Lease(std::shared_ptr<State> state, std::unique_ptr<Connection> connection);
        std::shared_ptr<State> state_;
        std::unique_ptr<Connection> connection_;
    };

    // Opens `size` connections to a migrated database.
    static Result<ReadPool> open(const std::filesystem::path& path, std::size_t size = 4);

    // Waits while all are lent. Error: overloaded after `timeout`.
    Result<Lease> lease(std::chrono::milliseconds timeout = std::chrono::seconds(5));

  private:
    explicit ReadPool(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

}  // namespace signet::sqlite
