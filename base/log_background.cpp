#include "base/log_background.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace signet::log {
namespace {

using namespace std::chrono_literals;

constexpr auto kLastWords = 2s;

struct Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Entry> waiting;
    bool running = false;
    bool stopping = false;
    bool writing = false;
    std::uint64_t lost = 0;
    std::uint64_t told_lost = 0;
};

// Never destroyed: a thread that hangs in a write may outlive main.
Queue& the_queue() {
    static Queue& queue = *new Queue;
    return queue;
}

void write_all(Queue& queue) {
    std::unique_lock lock(queue.mutex);
    std::vector<Entry> taken;
    while (true) {
        queue.changed.wait(lock, [&] { return !queue.waiting.empty() || queue.stopping; });
        if (queue.waiting.empty()) break;
        taken.swap(queue.waiting);
        const auto lost = queue.lost - queue.told_lost;
        queue.told_lost = queue.lost;
        queue.writing = true;
        lock.unlock();
        for (const auto& entry : taken)
            detail::deliver(entry);
        if (lost != 0)
            detail::deliver({Level::warning,
                             "log.lost",
                             "the log was slower than what happened; entries were left out",
                             {{"count", std::to_string(lost)}}});
        taken.clear();
        lock.lock();
        queue.writing = false;
        queue.changed.notify_all();
    }
    queue.running = false;
    queue.changed.notify_all();
}

}  // namespace

Background::Background() {
    auto& queue = the_queue();
    const std::lock_guard lock(queue.mutex);
    queue.running = true;
    queue.stopping = false;
    std::thread([&queue] { write_all(queue); }).detach();
}

Background::~Background() {
    auto& queue = the_queue();
    std::unique_lock lock(queue.mutex);
    queue.stopping = true;
    queue.changed.notify_all();
    queue.changed.wait_for(lock, kLastWords, [&] { return !queue.running; });
}

bool Background::flush(std::chrono::milliseconds time) {
    auto& queue = the_queue();
    std::unique_lock lock(queue.mutex);
    return queue.changed.wait_for(
        lock, time, [&] { return !queue.running || (queue.waiting.empty() && !queue.writing); });
}

std::uint64_t Background::lost() {
    auto& queue = the_queue();
    const std::lock_guard lock(queue.mutex);
    return queue.lost;
}

bool detail::queue(Level level, std::string_view event, std::string_view message,
                   std::initializer_list<Field> fields) {
    auto& queue = the_queue();
    const std::lock_guard lock(queue.mutex);
    if (!queue.running || queue.stopping) return false;
    if (queue.waiting.size() >= Background::kQueueLimit) {
        ++queue.lost;
        return true;
    }
    Entry entry{level, std::string(event), std::string(message), {}};
    entry.fields.reserve(fields.size());
    for (const auto& [name, value] : fields)
        entry.fields.emplace_back(name, value);
    queue.waiting.push_back(std::move(entry));
    queue.changed.notify_all();
    return true;
}

}  // namespace signet::log
