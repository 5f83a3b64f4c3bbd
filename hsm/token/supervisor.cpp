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
#include "hsm/token/supervisor_parts.h"

namespace signet::token {
namespace {

const char* const kHandledSignals = "SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGCHLD";

}  // namespace

Supervisor::Supervisor(TokenConfig config, Credentials credentials, std::string log_level)
    : config_(std::move(config)),
      credentials_(std::move(credentials)),
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
    if (!config_.custody_socket.empty()) {
        auto custodians = TokenSocket::listen(config_.custody_socket, config_.custodians);
        if (!custodians) {
            log::error("token.start.failed", custodians.error().message,
                       {{"detail", custodians.error().detail}});
            return kExitFailed;
        }
        desk_.emplace(static_cast<CustodyHost&>(*this), *std::move(custodians), config_.unlock_time);
    }
    if (credentials_.pin() == nullptr) {
        unavailable(awaiting_custodians());
        say_ready(awaiting_custodians().message);
        log::info("token.custody.waiting", awaiting_custodians().message);
    }
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
    if (desk_) desk_->close();
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
    const auto first_custodian = polled.size();
    if (desk_) desk_->add_to_poll(polled);

    // Where nothing is to be watched, the next start is all there is to wait for.
    auto time = kTick;
    if (workers_.empty() && next_start_ > started && credentials_.pin() != nullptr)
        time = std::min(time, std::chrono::ceil<milliseconds>(next_start_ - started));
    if (poll(polled.data(), polled.size(), static_cast<int>(time.count())) < 0 && errno != EINTR) return;

    const auto now = steady_clock::now();
    refusals_.handle(std::span(polled).subspan(first_refusal, first_custodian - first_refusal), now);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        if (polled[i + 2].revents != 0) handle_control(workers_[i], now);
    }
    if (polled[0].revents != 0) handle_signals();
    reap(now);
    if (polled[1].revents != 0) accept_connections();
    watch_deadlines(now);
    watch_memory(now);
    watch_pin_change(now);
    // Last: what custodians ask for may end workers.
    if (desk_) desk_->handle(std::span(polled).subspan(first_custodian), now);
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
    if (const auto kept = credentials_.accepted(); !kept)
        log::error("token.pin.promote", kept.error().message, {{"detail", kept.error().detail}});
    if (!backup_key_.empty())
        (void)send_control(worker.process->control(), ControlKind::backup_key, backup_key_.view());
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
    if (credentials_.refused()) {
        log::warning("token.pin.other",
                     "the token refused one of the two PINs that an interrupted change left; the other "
                     "one is tried, once");
        unavailable(credentials_.pin() == nullptr ? awaiting_custodians() : not_yet());
        return;
    }
    no_more_logins(why);
}

void Supervisor::no_more_logins(const Error& why) {
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

void Supervisor::unavailable(Error why) {
    // Whatever kept the token from being opened: to those who ask for a signature it is not available.
    why.code = ErrorCode::token_unavailable;
    if (!why.retry_after)
        why.retry_after = std::chrono::ceil<seconds>(std::max(back_off_, milliseconds(1000)));
    refusals_.set_reason(std::move(why));
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
