// One worker, as the supervisor sees it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/secret.h"
#include "hsm/token/control.h"
#include "hsm/token/worker_page.h"

namespace signet::token {

class WorkerProcess {
  public:
    // Forks and executes this program again as a worker, with the PIN through a pipe. The caller must have no threads.
    // `mode` is --worker, or --change-pin with the four PINs of pin_change.h instead of one.
    static Result<std::unique_ptr<WorkerProcess>> start(const WorkerSettings& settings, const Secret& pin,
                                                        const std::string& log_level,
                                                        const std::string& mode = "--worker");
    // Kills the worker when it still runs.
    ~WorkerProcess();
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    pid_t pid() const { return pid_; }
    int control() const { return control_.get(); }
    const WorkerPage& page() const { return page_; }
    void kill() const;
    // It cannot be waited for: the destructor leaves it to the kernel.
    void abandon() { abandoned_ = true; }
    bool abandoned() const { return abandoned_; }
    // Whether it ended; how, in words ("was killed by signal 9"), once it did.
    bool ended();
    const std::string& end() const { return end_; }

  private:
    WorkerProcess(pid_t pid, UniqueFd control, WorkerPage page)
        : pid_(pid), control_(std::move(control)), page_(std::move(page)) {}

    pid_t pid_;
    UniqueFd control_;
    WorkerPage page_;
    bool ended_ = false;
    bool abandoned_ = false;
    std::string end_;
};

}  // namespace signet::token
