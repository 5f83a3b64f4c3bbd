#include "hsm/token/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "hsm/frames/exit_codes.h"
#include "hsm/frames/messages.h"
#include "hsm/token/pin_marker.h"
#include "hsm/token/resident_memory.h"

namespace signet::token {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds kTick{250};
constexpr milliseconds kFirstBackOff{100};
constexpr milliseconds kLongestBackOff{5'000};
constexpr seconds kSettled{10};  // a worker that served so long is started again at once
constexpr seconds kMemoryCheck{2};
constexpr seconds kBetweenSwaps{10};
constexpr seconds kDrain{20};      // for a worker to see its clients off when we stop
constexpr seconds kSwapDrain{40};  // and when another took over; the worker itself waits 30 s
constexpr seconds kLostTime{3};    // for a worker that lost the token
constexpr seconds kWatchdog{5};

const char* const kHandledSignals = "SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGCHLD";

Error not_yet() {
    return {ErrorCode::token_unavailable, "the token is being opened; try again in a moment", {}, seconds(1)};
}

std::string seconds_text(milliseconds time) {
    return std::to_string(time.count() / 1000) + " s";
}

}  // namespace

Supervisor::Supervisor(TokenConfig config, Secret pin, std::string log_level)
    : config_(std::move(config)),
      pin_(std::move(pin)),
      log_level_(std::move(log_level)),
      back_off_(kFirstBackOff) {
    sigset_t handled;
    sigemptyset(&handled);
    for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGCHLD})
        sigaddset(&handled, number);
    sigprocmask(SIG_BLOCK, &handled, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    signals_ = UniqueFd(signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
    refusals_.set_reason(not_yet());
}

Supervisor::~Supervisor() = default;

int Supervisor::run() {
    if (!signals_) {
        log::error("token.start.failed", std::string("cannot receive signals: ") + kHandledSignals);
        return kExitFailed;
    }
    if (const auto marker = check_pin_marker(config_.state, config_.file); !marker) {
        log::error("token.pin.refused", marker.error().message, {{"marker", pin_marker_path(config_.state)}});
        return kExitPin;
    }
    auto socket = TokenSocket::listen(config_.socket, config_.allowed_users, config_.socket_group);
    if (!socket) {
        log::error("token.start.failed", socket.error().message, {{"detail", socket.error().detail}});
        return kExitFailed;
    }
    socket_.emplace(*std::move(socket));
    log::info("token.supervisor.started", "listening",
              {{"socket", config_.socket}, {"module", config_.module}});
    const auto done = [this](SteadyTime now) {
        return stopping_ &&
               std::ranges::all_of(workers_, [&](const auto& worker) { return is_stuck(worker, now); });
    };
    for (auto now = steady_clock::now(); !done(now); now = steady_clock::now()) {
        start_if_wanted(now);
        wait(now);
    }
    for (const auto& worker : workers_)
        worker.process->abandon();
    socket_->close();
    sd_notify(0, "STOPPING=1");
    log::info("token.supervisor.ended", "the token process ended");
    return exit_code_;
}

Supervisor::Worker* Supervisor::find(Stage stage) {
    const auto found = std::ranges::find(workers_, stage, &Worker::stage);
    return found == workers_.end() ? nullptr : &*found;
}

void Supervisor::wait(SteadyTime started) {
    std::vector<pollfd> polled{{signals_.get(), POLLIN, 0}, {socket_->fd(), POLLIN, 0}};
    // A descriptor below zero is passed over: a closed socket would be ready for ever.
    for (const auto& worker : workers_)
        polled.push_back({worker.heard ? worker.process->control() : -1, POLLIN, 0});
    const auto first_refusal = polled.size();
    refusals_.add_to_poll(polled);

    // Where nothing is to be watched, the next start is all there is to wait for.
    auto time = kTick;
    if (workers_.empty() && next_start_ > started)
        time = std::min(time, std::chrono::ceil<milliseconds>(next_start_ - started));
    if (poll(polled.data(), polled.size(), static_cast<int>(time.count())) < 0 && errno != EINTR) return;

    const auto now = steady_clock::now();
    refusals_.handle(std::span(polled).subspan(first_refusal), now);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        if (polled[i + 2].revents != 0) handle_control(workers_[i], now);
    }
    if (polled[0].revents != 0) handle_signals();
    reap(now);
    if (polled[1].revents != 0) accept_connections();
    watch_deadlines(now);
    watch_memory(now);
    tell_systemd(now);
}

void Supervisor::handle_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
        const auto number = static_cast<int>(info.ssi_signo);
        if (number == SIGTERM || number == SIGINT) begin_stop(steady_clock::now());
        if (number == SIGUSR1 || number == SIGHUP) {
            log::info("token.worker.swap", "a new worker was asked for");
            swap_wanted_ = true;
            next_start_ = {};
        }
    }
}

void Supervisor::accept_connections() {
    while (auto accepted = socket_->accept()) {
        if (!accepted->allowed) {
            log::warning("token.connection.refused",
                         "a user who is not allowed connected to the token socket",
                         {{"uid", std::to_string(accepted->uid)}});
            refuse_user(std::move(accepted->fd), accepted->uid);
            continue;
        }
        const auto* const worker = find(Stage::serving);
        if (worker != nullptr &&
            send_control(worker->process->control(), ControlKind::connection, {}, accepted->fd.get()))
            continue;
        refusals_.add(std::move(accepted->fd));
    }
}

void Supervisor::handle_control(Worker& worker, SteadyTime now) {
    for (;;) {
        const auto message = receive_control(worker.process->control());
        if (!message) {
            // It is about to end, or it should: a worker without supervisor must not go on.
            worker.heard = false;
            if (worker.killed_at) return;
            if (worker.stage == Stage::serving) unavailable(not_yet());
            if (worker.stage != Stage::leaving) leave(worker, now + kLostTime);
            return;
        }
        if (!*message) return;
        handle_message(worker, **message, now);
    }
}

void Supervisor::handle_message(Worker& worker, const ControlMessage& message, SteadyTime now) {
    const auto pid = std::to_string(worker.process->pid());
    switch (message.kind) {
        case ControlKind::ready:
            return became_ready(worker, now);
        case ControlKind::failed: {
            const auto why = frames::decode_error(message.body);
            log::error("token.open.failed", why.message, {{"detail", why.detail}, {"pid", pid}});
            if (why.code == ErrorCode::token_pin) return refused_pin(why);
            if (find(Stage::serving) == nullptr) unavailable(why);
            say_ready("the token is not available: " + why.message);
            return;
        }
        case ControlKind::lost: {
            const auto why = frames::decode_error(message.body);
            log::error("token.lost", why.message, {{"detail", why.detail}, {"pid", pid}});
            if (worker.stage == Stage::serving) unavailable(why);
            return leave(worker, now + kLostTime);
        }
        default:
            worker.process->kill();  // it is not what we started
    }
}

void Supervisor::became_ready(Worker& worker, SteadyTime now) {
    if (worker.stage != Stage::starting) return;
    if (auto* const old = find(Stage::serving)) {
        (void)send_control(old->process->control(), ControlKind::drain);
        leave(*old, now + kSwapDrain);
    }
    worker.stage = Stage::serving;
    worker.since = now;
    swap_wanted_ = false;
    next_swap_ = now + kBetweenSwaps;
    refusals_.send_away(now);
    refusals_.set_reason(not_yet());
    log::info(
        "token.worker.ready", "a worker serves the token",
        {{"pid", std::to_string(worker.process->pid())}, {"started", std::to_string(workers_started_)}});
    say_ready("serving");
}

// Nobody logs in again until an operator looked. A worker that is logged in goes on: its login was good.
void Supervisor::refused_pin(const Error& why) {
    if (check_pin_marker(config_.state, config_.file)) {
        if (const auto written = write_pin_marker(config_.state, config_.file, why); !written)
            log::error("token.pin.marker", written.error().message, {{"detail", written.error().detail}});
    }
    swap_wanted_ = false;
    if (find(Stage::serving) != nullptr) {
        next_swap_ = SteadyTime::max();
        log::error("token.pin.refused",
                   "the new worker's login was refused; the old one goes on, and no other is started");
        return;
    }
    const auto marker = check_pin_marker(config_.state, config_.file);
    log::error("token.pin.refused", marker ? why.message : marker.error().message,
               {{"marker", pin_marker_path(config_.state)}});
    sd_notifyf(0, "STATUS=%s", why.message.c_str());
    exit_code_ = kExitPin;
    begin_stop(steady_clock::now());
}

void Supervisor::leave(Worker& worker, SteadyTime kill_at) {
    worker.stage = Stage::leaving;
    worker.kill_at = kill_at;
}

void Supervisor::unavailable(Error why) {
    // Whatever kept the token from being opened: to those who ask for a signature it is not available.
    why.code = ErrorCode::token_unavailable;
    if (!why.retry_after)
        why.retry_after = std::chrono::ceil<seconds>(std::max(back_off_, milliseconds(1000)));
    refusals_.set_reason(std::move(why));
}

void Supervisor::watch_deadlines(SteadyTime now) {
    for (auto& worker : workers_) {
        if (worker.killed_at) {
            if (is_stuck(worker, now) && !worker.process->abandoned()) {
                worker.process->abandon();
                log::error(
                    "token.worker.stuck",
                    "a killed worker does not end: it is stuck in the kernel; another is started beside it",
                    {{"pid", std::to_string(worker.process->pid())}});
            }
            continue;
        }
        if (worker.kill_at && now >= *worker.kill_at) {
            log::warning("token.worker.killed", "a worker that should have ended was killed",
                         {{"pid", std::to_string(worker.process->pid())}});
            kill(worker, now);
            continue;
        }
        const auto overdue = worker.process->page().overdue(now, config_.request_deadline);
        if (!overdue) {
            worker.overdue_since.reset();
            continue;
        }
        // Not at the first look: when this process itself was held up, the worker gets the time to say that it lives.
        if (!worker.overdue_since) worker.overdue_since = now;
        if (now - *worker.overdue_since < kTick) continue;
        const auto what = overdue->what + " did not come back within " + seconds_text(overdue->busy);
        log::error("token.worker.hung", what + "; the worker is killed",
                   {{"pid", std::to_string(worker.process->pid())}});
        if (worker.stage != Stage::leaving &&
            (worker.stage == Stage::serving || find(Stage::serving) == nullptr))
            unavailable({ErrorCode::token_unavailable,
                         "the token's module hangs (" + what + "); another worker is started; try again",
                         {},
                         seconds(1)});
        kill(worker, now);
    }
}

void Supervisor::kill(Worker& worker, SteadyTime now) {
    if (worker.killed_at) return;
    worker.killed_at = now;
    worker.killed_as = worker.stage;
    leave(worker, now);
    worker.process->kill();
}

bool Supervisor::is_stuck(const Worker& worker, SteadyTime now) {
    return worker.killed_at && now - *worker.killed_at >= kLostTime;
}

void Supervisor::watch_memory(SteadyTime now) {
    if (now < next_memory_check_) return;
    next_memory_check_ = now + kMemoryCheck;
    const auto* const worker = find(Stage::serving);
    if (worker == nullptr || swap_wanted_ || now < next_swap_) return;
    const auto resident = resident_memory(worker->process->pid());
    if (!resident || *resident <= config_.memory_limit) return;
    log::info("token.worker.swap", "the worker is over its memory limit; another takes over",
              {{"resident", std::to_string(*resident)}, {"limit", std::to_string(config_.memory_limit)}});
    swap_wanted_ = true;
}

void Supervisor::reap(SteadyTime now) {
    for (auto worker = workers_.begin(); worker != workers_.end();) {
        if (!worker->process->ended()) {
            ++worker;
            continue;
        }
        handle_control(*worker, now);  // its last words
        const auto stage = worker->killed_at ? worker->killed_as : worker->stage;
        const auto served = stage == Stage::serving && now - worker->since >= kSettled;
        const auto how = worker->process->end();  // a copy: the worker goes below
        log::write(stage == Stage::leaving ? log::Level::info : log::Level::error, "token.worker.ended",
                   "a worker " + how, {{"pid", std::to_string(worker->process->pid())}});
        worker = workers_.erase(worker);
        if (stopping_ || find(Stage::serving) != nullptr) {
            if (stage == Stage::starting) next_start_ = now + kBetweenSwaps;  // a swap that failed
            continue;
        }
        if (refusals_.reason().message == not_yet().message)
            unavailable({ErrorCode::token_unavailable,
                         "the token's worker " + how + "; another is started; try again",
                         {},
                         seconds(1)});
        if (served) {
            back_off_ = kFirstBackOff;
            next_start_ = now;
        } else {
            retry_later(now);
        }
    }
}

void Supervisor::retry_later(SteadyTime now) {
    next_start_ = now + back_off_;
    back_off_ = std::min(back_off_ * 2, kLongestBackOff);
}

void Supervisor::start_if_wanted(SteadyTime now) {
    if (stopping_ || now < next_start_ || find(Stage::starting) != nullptr) return;
    if (find(Stage::serving) == nullptr) {
        // One that lost the token ends first: two would confuse a token that just comes back. One that cannot end, though
        // it was killed, is not waited for.
        if (!std::ranges::any_of(workers_, [&](const auto& worker) {
                return worker.kill_at <= now + kLostTime && !is_stuck(worker, now);
            }))
            start(now);
    } else if (swap_wanted_) {
        start(now);
    }
}

void Supervisor::start(SteadyTime now) {
    // Looked at before every login, not only at the start: another process may have been refused in between.
    if (const auto marker = check_pin_marker(config_.state, config_.file); !marker) {
        refused_pin(marker.error());
        return;
    }
    WorkerSettings settings{config_, workers_.empty(), static_cast<std::uint64_t>(getpid()),
                            ++workers_started_};
    auto process = WorkerProcess::start(settings, pin_, log_level_);
    if (!process) {
        log::error("token.worker.failed", process.error().message, {{"detail", process.error().detail}});
        unavailable(process.error());
        return retry_later(now);
    }
    workers_.push_back({.process = *std::move(process), .stage = Stage::starting, .since = now});
}

void Supervisor::begin_stop(SteadyTime now) {
    if (stopping_) {
        // Asked a second time: at once.
        for (const auto& worker : workers_)
            worker.process->kill();
        return;
    }
    stopping_ = true;
    sd_notify(0, "STOPPING=1");
    unavailable({ErrorCode::token_unavailable, "the token process is shutting down", {}, seconds(5)});
    for (auto& worker : workers_) {
        if (worker.stage == Stage::starting) kill(worker, now);
        if (worker.stage != Stage::serving) continue;
        (void)send_control(worker.process->control(), ControlKind::drain);
        leave(worker, now + kDrain);
    }
}

void Supervisor::tell_systemd(SteadyTime now) {
    std::uint64_t interval = 0;
    if (now < next_watchdog_ || sd_watchdog_enabled(0, &interval) <= 0) return;
    next_watchdog_ =
        now + std::min<std::chrono::microseconds>(kWatchdog, std::chrono::microseconds(interval / 4));
    sd_notify(0, "WATCHDOG=1");
}

// Ready means that requests are answered, if only with the reason why they cannot be served.
void Supervisor::say_ready(const std::string& status) {
    sd_notifyf(0, "%sSTATUS=%s", std::exchange(said_ready_, true) ? "" : "READY=1\n", status.c_str());
}

}  // namespace signet::token
