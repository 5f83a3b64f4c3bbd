// A bounded number of threads that run blocking tasks from a bounded queue, first come, first served.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace signet::http {

class WorkerPool {
  public:
    using Task = std::move_only_function<void()>;  // must not throw

    // `threads` is at least 1; `queue` is how many tasks may wait besides those that run.
    WorkerPool(std::size_t threads, std::size_t queue);
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;
    ~WorkerPool();  // as stop()

    // False, and `task` untouched, when the queue is full or the pool is stopped.
    [[nodiscard]] bool submit(Task& task);
    [[nodiscard]] bool submit(Task&& task) { return submit(task); }
    // Takes no more tasks, runs those that wait, and joins the threads. Not from a task.
    void stop();

    struct Load {
        std::size_t running = 0;
        std::size_t waiting = 0;
    };
    Load load() const;

  private:
    // Each idle thread sleeps on its own condition, and the one that fell asleep last is woken first: its stack and
    // caches are warm, and the other threads stay asleep under a light load.
    struct Sleeper {
        std::condition_variable wake;
        bool woken = false;
    };
    void run(Sleeper& self);

    const std::size_t queue_limit_;
    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<Sleeper>> sleepers_;  // one a thread; they outlive all of them
    std::deque<Task> tasks_;
    std::vector<Sleeper*> idle_;
    std::size_t running_ = 0;
    bool stopped_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace signet::http
