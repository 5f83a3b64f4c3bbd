// The background thread: jobs that each run now and then, one after the other.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace signet::service {

struct Job {
    std::string name;
    std::chrono::milliseconds interval{0};
    std::chrono::milliseconds retry{0};  // instead of the interval, when it did not succeed
    std::function<bool()> run;  // whether it succeeded; bounded by deadlines of its own; must not throw
};

class Maintenance {
  public:
    Maintenance() = default;
    Maintenance(const Maintenance&) = delete;
    Maintenance& operator=(const Maintenance&) = delete;
    ~Maintenance();  // as stop()

    // Before `start`.
    void add(Job job);
    // The first run of each job is at once, in the order added.
    void start();
    // Runs the job of that name as soon as the thread is free.
    void wake(std::string_view name);
    // Waits for the job that runs.
    void stop();
    // All jobs once, on the calling thread; for tests and before `start`.
    void run_all();

  private:
    struct Scheduled {
        Job job;
        std::chrono::steady_clock::time_point next;
    };
    void loop();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Scheduled> jobs_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace signet::service
