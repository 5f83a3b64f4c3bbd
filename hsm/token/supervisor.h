// The supervisor: knows the PIN, maps no module, accepts connections, and sees to it that a worker serves them.
//
// One thread, one poll loop. A worker that ends is started again, with back-off when it ends soon; one whose thread does
// not come back from the module in time is killed; one that grew over the memory limit is replaced gently. While none
// serves, each request is answered with the reason.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/unique_fd.h"
#include "hsm/token/config.h"
#include "hsm/token/credentials.h"
#include "hsm/token/custody_desk.h"
#include "hsm/token/refusals.h"
#include "hsm/token/token_socket.h"
#include "hsm/token/worker_process.h"

namespace signet::token {

class Supervisor : private CustodyHost {
  public:
    // Blocks the signals it handles; call before the process has any thread.
    Supervisor(TokenConfig config, Credentials credentials, std::string log_level);
    ~Supervisor() override;

    // Serves until SIGTERM or SIGINT, or until only an operator can help. The exit code.
    int run();

  private:
    enum class Stage : std::uint8_t {
        starting,  // opens the token
        serving,   // new connections go to it
        leaving,   // sends its clients away, or lost the token; ends by itself, or is killed at `kill_at`
    };
    struct Worker {
        std::unique_ptr<WorkerProcess> process;
        Stage stage = Stage::starting;
        SteadyTime since;
        std::optional<SteadyTime> kill_at{};
        std::optional<SteadyTime> overdue_since{};
        bool heard = true;  // its control socket is open
        // A killed one leaves at once, whether or not the kernel lets it go: stuck in a system call it may stay for ever.
        std::optional<SteadyTime> killed_at{};
        Stage killed_as = Stage::leaving;
    };

    Worker* find(Stage stage);
    void wait(SteadyTime now);
    void handle_signals();
    void accept_connections();
    void handle_control(Worker& worker, SteadyTime now);
    void handle_message(Worker& worker, const ControlMessage& message, SteadyTime now);
    void became_ready(Worker& worker, SteadyTime now);
    void refused_pin(const Error& why);
    void no_more_logins(const Error& why);
    void leave(Worker& worker, SteadyTime kill_at);
    void kill(Worker& worker, SteadyTime now);
    static bool is_stuck(const Worker& worker, SteadyTime now);
    void watch_deadlines(SteadyTime now);
    void watch_memory(SteadyTime now);
    void reap(SteadyTime now);
    void start_if_wanted(SteadyTime now);
    void start(SteadyTime now);
    void retry_later(SteadyTime now);
    void begin_stop(SteadyTime now);
    void unavailable(Error why);

    // For the custodians' desk.
    custody::DeskStatus desk_status() const override;
    bool pin_in_shares() const override { return credentials_.in_shares(); }
    std::vector<custody::ShareSet> pin_sets() const override { return credentials_.sets(); }
    Status open_pin(const custody::ShareSet& set, const Secret& key) override;
    Status share_pin(const custody::ShareSet& set, const Secret& key) override;
    Status change_pin() override;
    void use_backup_key(const Secret& key) override;
    std::optional<custody::ShareSet> backup_set() const override;
    Status keep_backup_set(const custody::ShareSet& set) override;
    Status begin_pin_change(custody::Pins next, const custody::ShareSet* set, const Secret* key);
    void watch_pin_change(SteadyTime now);
    void end_pin_change(Result<bool> taken);
    Error awaiting_custodians() const;
    void tell_systemd(SteadyTime now);
    void say_ready(const std::string& status);

    const TokenConfig config_;
    Credentials credentials_;
    const std::string log_level_;
    std::optional<TokenSocket> socket_;
    std::optional<CustodyDesk> desk_;
    std::unique_ptr<WorkerProcess> pin_change_;  // sets the next PIN; no worker starts meanwhile
    std::optional<SteadyTime> pin_change_until_{};
    std::optional<Result<bool>> pin_change_end_{};  // what it said: true, the token took the next PIN
    std::string last_change_;
    Secret backup_key_;
    UniqueFd signals_;
    Refusals refusals_;
    std::vector<Worker> workers_;

    std::uint64_t workers_started_ = 0;
    SteadyTime next_start_{};
    std::chrono::milliseconds back_off_;
    SteadyTime next_memory_check_{};
    SteadyTime next_swap_{};
    bool swap_wanted_ = false;
    bool stopping_ = false;
    bool said_ready_ = false;
    SteadyTime next_watchdog_{};
    int exit_code_ = 0;
};

}  // namespace signet::token
