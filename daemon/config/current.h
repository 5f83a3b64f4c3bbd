// The configuration in force. A reload puts another one in its place; whoever holds the old one keeps it until done.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "daemon/config/config.h"

namespace signet::config {

class Current {
  public:
    explicit Current(std::shared_ptr<const Config> config) : config_(std::move(config)) {}
    std::shared_ptr<const Config> get() const {
        const std::lock_guard lock(mutex_);
        return config_;
    }
    void set(std::shared_ptr<const Config> config) {
        const std::lock_guard lock(mutex_);
        config_ = std::move(config);
    }

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Config> config_;
};

}  // namespace signet::config
