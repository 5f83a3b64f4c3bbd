// Logging that holds up nobody: while a Background lives, log::write only queues, and a thread of its own writes. A pipe
// that nobody reads or a journal that hangs would otherwise stop whoever logs, the database's writer among them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"

namespace signet::log {

struct Entry {
    Level level = Level::info;
    std::string event;
    std::string message;
    std::vector<std::pair<std::string, std::string>> fields;
};

class Background {
  public:
    static constexpr std::size_t kQueueLimit =
        4096;  // entries; later ones are counted, and the count is logged

    // One at a time; after set_up, and not before a fork without exec.
    Background();
    // Writes what waits, but for two seconds at most: then the thread is left behind.
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

    // Whether all that was queued before is written; gives up after `time`.
    static bool flush(std::chrono::milliseconds time);
    // Entries that found the queue full, since the start.
    static std::uint64_t lost();
};

namespace detail {
// False when no Background lives: the caller writes for itself.
bool queue(Level level, std::string_view event, std::string_view message,
           std::initializer_list<Field> fields);
// Writes to the journal or stderr, at once (log.cpp).
void deliver(const Entry& entry);
}  // namespace detail

}  // namespace signet::log
